"""Scene: an object in a coloured room, 480,000 pictures after 3D Shapes (Burgess and Kim 2018).

Shape, scale and view make 480 different geometries. Each is ray-traced once per process, in closed
form, into how much of each pixel is floor, wall, object and highlight; a picture is then those
weights times the three colours. No image is stored, and none is computed one at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.datasets.base import FactorGrid
from explorer.datasets.in_memory import recoloured
from explorer.datasets.names import Request

NATIVE = 64
HUES, SCALES, SHAPES, VIEWS = 10, 8, 4, 15
SMALLEST, LARGEST = 0.75, 1.25
WIDEST_VIEW = 30.0  # degrees to either side

# (lightness, chroma) in OKLCH: a soft room and a vivid object, each through ten equal steps of hue.
FLOOR_TONE, WALL_TONE, OBJECT_TONE = (0.80, 0.115), (0.84, 0.105), (0.68, 0.185)


def opened(request: Request) -> Scene:
    """As the table of data sets asks for it."""
    return Scene(request.size or NATIVE, request.device, request.channels or 3)


class Scene(FactorGrid):
    """Pictures of one object in the corner of a room."""

    factor_names = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
    factor_sizes = (HUES, HUES, HUES, SCALES, SHAPES, VIEWS)  # shape: cube, cylinder, sphere, capsule

    def __init__(self, size: int = NATIVE, device: torch.device | str = "cpu", channels: int = 3) -> None:
        """`size`: height and width in pixels, 16 to 128; `channels`: 3, or 1 for grey (luma)."""
        self.name = "scene"
        self.shape = (channels, size, size)
        self.identity = f"scene-1/{channels}x{size}"
        self.device = torch.device(device)

    def render(self, factors: Tensor) -> Tensor:
        """Images `(n, C, size, size)`, uint8."""
        channels, size, _ = self.shape
        weights, colours = _on(size, self.device)
        floor, wall, thing, scale, shape, view = factors.to(self.device).unbind(1)
        chosen = weights[(shape * SCALES + scale) * VIEWS + view].float()  # (n, 4, pixels)
        white = colours.new_full((len(factors), 3), 255.0)
        parts = torch.stack([colours[0, floor], colours[1, wall], colours[2, thing], white], dim=2)
        images = torch.bmm(parts / 255, chosen).round_().clamp_(0, 255).to(torch.uint8)
        return recoloured(images.unflatten(2, (size, size)), channels)


@lru_cache(maxsize=4)
def _on(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Weights `(480, 4, size²)`, uint8, and colours `(3, 10, 3)`, 0 to 255, on `device`."""
    return trace(size).flatten(2).to(device), palette().to(device)


def palette() -> Tensor:
    """Colours of floor, wall and object by hue class: sRGB `(3, 10, 3)`, 0 to 255."""
    hue = torch.arange(HUES) * (2 * math.pi / HUES) + 0.35
    tones = torch.tensor([FLOOR_TONE, WALL_TONE, OBJECT_TONE])
    lightness, chroma = tones[:, :1].expand(-1, HUES), tones[:, 1:]
    a, b = chroma * hue.cos(), chroma * hue.sin()
    # OKLab to linear sRGB (Ottosson 2020), then to sRGB.
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    cones = torch.stack([long, medium, short], dim=-1)
    to_rgb = torch.tensor(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = (cones @ to_rgb.T).clamp(0, 1)
    curved = torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-6) ** (1 / 2.4) - 0.055)
    return curved * 255


# The room, in units of about the object's radius: x to the right, y up, z towards the viewer; the
# object stands on the floor (y = 0) at the origin and two walls meet in a corner behind it.
WALL_DISTANCE = 2.6
CAMERA_DISTANCE, CAMERA_HEIGHT_ANGLE, LOOKED_AT = 6.4, math.radians(24), (0.0, 0.62, 0.0)
HALF_FIELD = 0.345  # tangent of half the angle of view
LIGHT = (-0.50, 1.0, 0.62)  # the direction it comes from, fixed in the room
LIGHT_SOFTNESS = 0.22

CUBE_HALF_SIDE = 0.60
CYLINDER_RADIUS, CYLINDER_HEIGHT = 0.62, 1.30
SPHERE_RADIUS = 0.74
CAPSULE_RADIUS, CAPSULE_HEIGHT = 0.50, 1.75

# Distance along the ray `(...)`, inf where it misses, and the surface's normal there `(..., 3)`.
Hit = tuple[Tensor, Tensor]


@lru_cache(maxsize=4)
def trace(size: int) -> Tensor:
    """What each pixel is made of: uint8 `(480, 4, size, size)`, 255 for 1.

    The first axis is (shape, scale, view), view fastest; the second floor, wall, object, highlight,
    each already shaded. Shared: don't change it. Four by four rays a pixel (two by two above 64 px).
    """
    fine = 4 if size <= NATIVE else 2
    light = _floor_light()
    scales = torch.linspace(SMALLEST, LARGEST, SCALES)
    row = torch.arange(size * fine) // fine
    pixel = (row[:, None] * size + row).flatten()  # of every ray
    weights = torch.empty(SHAPES, SCALES, VIEWS, 4, size * size, dtype=torch.uint8)
    for view in range(VIEWS):
        eye, rays = _camera(view, size * fine)
        room = _room(eye, rays)
        alone = F.avg_pool2d(room.view(2, size * fine, size * fine), fine).flatten(1)
        # Light on the floor is smooth: one look-up a pixel, at its centre.
        floor_points = _floor_points(eye, _camera(view, size)[1])
        for kind, thing in enumerate(OBJECTS):
            scale, ray, shade, gloss = _seen(thing, eye, rays, scales)
            layers = torch.zeros(4, SCALES * size * size)
            layers[:2] = alone.repeat(1, SCALES)
            parts = torch.stack([-room[0, ray], -room[1, ray], shade, gloss]) / fine**2
            layers.index_add_(1, scale * size * size + pixel[ray], parts)
            layers[0] *= _look_up(light[kind], floor_points, scales).flatten()
            layers = (layers * 255).round_().clamp_(0, 255).view(4, SCALES, size * size)
            weights[kind, :, view] = layers.transpose(0, 1)
    return weights.reshape(SHAPES * SCALES * VIEWS, 4, size, size)


def _camera(view: int, resolution: int) -> tuple[Tensor, Tensor]:
    """The eye `(3,)` and unit rays through the pixels, row by row `(resolution², 3)`."""
    turn = math.radians(WIDEST_VIEW) * (2 * view / (VIEWS - 1) - 1)
    rise = CAMERA_HEIGHT_ANGLE
    target = torch.tensor(LOOKED_AT)
    back = torch.tensor([math.cos(rise) * math.sin(turn), math.sin(rise), math.cos(rise) * math.cos(turn)])
    right = torch.tensor([math.cos(turn), 0.0, -math.sin(turn)])
    up = torch.linalg.cross(back, right)
    place = ((torch.arange(resolution) + 0.5) * (2 / resolution) - 1) * HALF_FIELD
    rays = -back + place[None, :, None] * right - place[:, None, None] * up
    return target + CAMERA_DISTANCE * back, F.normalize(rays.flatten(0, 1), dim=1)


def _room(eye: Tensor, rays: Tensor) -> Tensor:
    """Floor and wall `(2, rays)`, shaded, as they are without the object."""
    half = math.sqrt(0.5)
    left, right = torch.tensor([half, 0.0, half]), torch.tensor([-half, 0.0, half])
    floor_t = _plane(eye[1], rays[:, 1])
    left_t = _plane(eye @ left + WALL_DISTANCE, rays @ left)
    right_t = _plane(eye @ right + WALL_DISTANCE, rays @ right)
    t = torch.minimum(floor_t, torch.minimum(left_t, right_t))
    point = eye + t[:, None] * rays
    to_left, to_right = point @ left + WALL_DISTANCE, point @ right + WALL_DISTANCE
    is_floor, is_left = floor_t <= t, left_t <= t

    def dimmed(distance: Tensor, depth: float, reach: float) -> Tensor:
        return 1 - depth * torch.exp(-distance.clamp(min=0) / reach)

    floor = dimmed(to_left, 0.22, 0.45) * dimmed(to_right, 0.22, 0.45)
    # The light falls on the two walls at different angles: the corner is seen.
    wall = torch.where(is_left, 0.78, 0.93)
    wall = wall * dimmed(torch.where(is_left, to_right, to_left), 0.16, 0.5) * dimmed(point[:, 1], 0.2, 0.4)
    wall = wall * (1 + 0.03 * (point[:, 1] - 1.5).clamp(-2, 2))
    return torch.stack([floor * is_floor, wall * ~is_floor])


def _plane(height: Tensor, slope: Tensor) -> Tensor:
    """Where a ray that starts `height` above a plane meets it."""
    return torch.where(slope < -1e-6, -height / slope.clamp(max=-1e-6), math.inf)


def _floor_points(eye: Tensor, rays: Tensor) -> Tensor:
    """Where rays meet the floor `(n, 2)`: x and z; far away where they don't."""
    t = _plane(eye[1], rays[:, 1]).clamp(max=1e3)
    return (eye + t[:, None] * rays)[:, [0, 2]]


def _seen(thing: SceneObject, eye: Tensor, rays: Tensor, scales: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Which rays meet the object at which scale, its shade and highlight there: four `(hits,)`."""
    centre = scales[:, None] * torch.tensor([0.0, thing.height / 2, 0.0]) - eye
    passed = (centre**2).sum(1, keepdim=True) - (centre @ rays.T) ** 2  # squared, at the closest
    scale, ray = torch.nonzero(passed < (scales[:, None] * thing.reach) ** 2, as_tuple=True)
    # An object twice as large is one seen from half as far.
    start, toward = eye / scales[scale, None], rays[ray]
    t, normal = thing.hit(start, toward)
    hits = torch.nonzero(t.isfinite())[:, 0]
    scale, ray, normal, toward = scale[hits], ray[hits], normal[hits], toward[hits]
    height = (start[hits] + t[hits, None] * toward)[:, 1].clamp(min=0)

    light = F.normalize(torch.tensor(LIGHT), dim=0)
    lit = (normal @ light).clamp(min=0)
    sky = 0.40 + 0.10 * normal[:, 1]
    grounded = 1 - 0.35 * torch.exp(-height / 0.22)  # the floor takes light away
    halfway = F.normalize(light - toward, dim=1)
    gloss = 0.38 * (normal * halfway).sum(1).clamp(min=0) ** 48
    return scale, ray, (sky + 0.58 * lit) * grounded, gloss


def _solve(a: Tensor, half_b: Tensor, c: Tensor) -> Tensor:
    """The nearer root of a·t² + 2·half_b·t + c, inf where there is none ahead."""
    inside = half_b**2 - a * c
    t = (-half_b - inside.clamp(min=0).sqrt()) / a
    return torch.where((inside >= 0) & (t > 1e-4), t, math.inf)


def _ball(start: Tensor, rays: Tensor, height: float, radius: float) -> Tensor:
    """Distance to a ball whose centre is `height` above the origin."""
    offset = start - torch.tensor([0.0, height, 0.0])
    return _solve(torch.ones(()), (offset * rays).sum(-1), (offset**2).sum(-1) - radius**2)


def _tube(start: Tensor, rays: Tensor, radius: float, low: float, high: float) -> Tensor:
    """Distance to an open upright cylinder between two heights."""
    x, z, dx, dz = start[..., 0], start[..., 2], rays[..., 0], rays[..., 2]
    t = _solve((dx**2 + dz**2).clamp(min=1e-9), x * dx + z * dz, x**2 + z**2 - radius**2)
    y = start[..., 1] + t * rays[..., 1]
    return torch.where((y >= low) & (y <= high), t, math.inf)


def _cube(start: Tensor, rays: Tensor) -> Hit:
    offset = start - torch.tensor([0.0, CUBE_HALF_SIDE, 0.0])
    slope = torch.where(rays.abs() < 1e-7, 1e-7, rays)
    middle, reach = -offset / slope, CUBE_HALF_SIDE / slope.abs()
    enter, axis = (middle - reach).max(-1)
    leave = (middle + reach).amin(-1)
    t = torch.where((enter <= leave) & (enter > 1e-4), enter, math.inf)
    normal = F.one_hot(axis, 3) * -rays.sign()
    return t, normal.float()


def _cylinder(start: Tensor, rays: Tensor) -> Hit:
    side = _tube(start, rays, CYLINDER_RADIUS, 0.0, CYLINDER_HEIGHT)
    top = _plane(start[..., 1] - CYLINDER_HEIGHT, rays[..., 1])
    top = torch.where(top > 1e-4, top, math.inf)
    x = start[..., 0] + top * rays[..., 0]
    z = start[..., 2] + top * rays[..., 2]
    top = torch.where(x**2 + z**2 <= CYLINDER_RADIUS**2, top, math.inf)
    t = torch.minimum(side, top)
    point = start + torch.where(t.isfinite(), t, 0.0)[..., None] * rays
    upright = torch.tensor([0.0, 1.0, 0.0])
    outward = point * torch.tensor([1.0, 0.0, 1.0]) / CYLINDER_RADIUS
    return t, torch.where((top <= side)[..., None], upright, outward)


def _sphere(start: Tensor, rays: Tensor) -> Hit:
    t = _ball(start, rays, SPHERE_RADIUS, SPHERE_RADIUS)
    point = start + torch.where(t.isfinite(), t, 0.0)[..., None] * rays
    return t, (point - torch.tensor([0.0, SPHERE_RADIUS, 0.0])) / SPHERE_RADIUS


def _capsule(start: Tensor, rays: Tensor) -> Hit:
    low, high = CAPSULE_RADIUS, CAPSULE_HEIGHT - CAPSULE_RADIUS
    t = _tube(start, rays, CAPSULE_RADIUS, low, high)
    for height in (low, high):
        t = torch.minimum(t, _ball(start, rays, height, CAPSULE_RADIUS))
    point = start + torch.where(t.isfinite(), t, 0.0)[..., None] * rays
    spine = torch.zeros_like(point)
    spine[..., 1] = point[..., 1].clamp(low, high)
    return t, (point - spine) / CAPSULE_RADIUS


@dataclass(frozen=True)
class SceneObject:
    """An object at scale 1: how rays meet it, its height, the radius of a ball around it."""

    hit: Callable[[Tensor, Tensor], Hit]
    height: float
    reach: float


OBJECTS = (
    SceneObject(_cube, 2 * CUBE_HALF_SIDE, math.sqrt(3) * CUBE_HALF_SIDE),
    SceneObject(_cylinder, CYLINDER_HEIGHT, math.hypot(CYLINDER_HEIGHT / 2, CYLINDER_RADIUS)),
    SceneObject(_sphere, 2 * SPHERE_RADIUS, SPHERE_RADIUS),
    SceneObject(_capsule, CAPSULE_HEIGHT, CAPSULE_HEIGHT / 2),
)

# How much light reaches the floor around each object at scale 1, on a square grid; at another scale
# the same picture is larger or smaller.
GRID, GRID_REACH = 96, 3.6
SKY_RAYS = 48


def _floor_light() -> Tensor:
    """Light on the floor `(4, GRID, GRID)`, 1 where nothing is in its way; rows z, columns x."""
    place = ((torch.arange(GRID) + 0.5) * (2 / GRID) - 1) * GRID_REACH
    z, x = torch.meshgrid(place, place, indexing="ij")
    start = torch.stack([x, torch.zeros_like(x), z], dim=-1).flatten(0, 1)  # (cells, 3)
    number = torch.arange(SKY_RAYS) + 0.5
    radius, angle = (number / SKY_RAYS).sqrt(), number * math.pi * (3 - math.sqrt(5))
    disc = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)  # evenly spread
    sky = torch.stack([disc[:, 0], (1 - radius**2).clamp(min=1e-4).sqrt(), disc[:, 1]], dim=1)
    light = F.normalize(torch.tensor(LIGHT), dim=0)
    across = F.normalize(torch.linalg.cross(light, torch.tensor([0.0, 1.0, 0.0])), dim=0)
    along = torch.linalg.cross(light, across)
    sun = F.normalize(light + LIGHT_SOFTNESS * (disc[:, :1] * across + disc[:, 1:] * along), dim=1)
    grids = []
    for thing in OBJECTS:
        open_sky, open_sun = (_unhindered(thing.hit, start, rays) for rays in (sky, sun))
        grids.append(0.46 * _smooth(open_sky, 7) + 0.54 * _smooth(open_sun, 3))
    return torch.stack(grids)


def _unhindered(hit: Callable[[Tensor, Tensor], Hit], points: Tensor, directions: Tensor) -> Tensor:
    """The share of the directions in which nothing is above each floor point: `(GRID, GRID)`."""
    far = 20.0  # looked at from outside, so that points under the object are dark too
    count = torch.zeros(len(points))
    for ray in directions:
        t, _ = hit(points + far * ray, -ray[None])
        count += t > far
    return (count / len(directions)).view(GRID, GRID)


def _smooth(grid: Tensor, width: int) -> Tensor:
    """The mean of `width` x `width` cells; light beyond the edge is 1."""
    padded = F.pad(grid[None, None], (width // 2,) * 4, value=1.0)
    return F.avg_pool2d(padded, width, 1)[0, 0]


def _look_up(grid: Tensor, points: Tensor, scales: Tensor) -> Tensor:
    """Light at floor points `(n, 2)` beside the object at each scale: `(scales, n)`."""
    place = points[None, None] / (scales[:, None, None, None] * GRID_REACH)
    dark = F.grid_sample((1 - grid).expand(len(scales), 1, -1, -1), place, align_corners=False, padding_mode="zeros")
    return 1 - dark[:, 0, 0]
