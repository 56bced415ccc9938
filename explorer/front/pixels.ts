// What the encoder is given of a canvas. Pure.

/** Grey of a colour: the luminance of ITU-R BT.601, in the colour's own range. */
export function luminance(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** Pixels `(H, W, 4)` of 0 to 255 as an image `(C, H, W)` in [0, 1], of three channels or of grey. */
export function imageOf(pixels: Uint8ClampedArray, channels: number): Float32Array {
  const area = pixels.length / 4;
  const values = new Float32Array(channels * area);
  for (let pixel = 0; pixel < area; pixel += 1) {
    const [red, green, blue] = pixels.subarray(4 * pixel, 4 * pixel + 3);
    if (channels === 3) {
      values[pixel] = red / 255;
      values[area + pixel] = green / 255;
      values[2 * area + pixel] = blue / 255;
    } else {
      values[pixel] = luminance(red, green, blue) / 255;
    }
  }
  return values;
}
