# The app for a lab's server; docs/serving.md tells how to run it. Build with a GPU's PyTorch by
#   docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 -t beta-vae-explorer .
FROM python:3.12-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app
COPY requirements.txt .
RUN pip install --index-url "$TORCH_INDEX" "torch>=2.10" "torchvision>=0.25" \
    && pip install -r requirements.txt

RUN useradd --create-home --uid 1000 explorer \
    && mkdir /data \
    && chown explorer:explorer /data
COPY . .

# All that persons make is in /data. Any address of the container, since a proxy is in front of it; until
# /data/access.toml says who is a member, all are visitors.
ENV BETA_VAE_HOME=/data \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_HEADLESS=true
VOLUME /data
USER 1000:1000
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 \
    CMD ["python", "-m", "explorer", "health", "--url", "http://localhost:8501"]

CMD ["streamlit", "run", "app.py"]
