/** Between the linear light that colours are averaged in and the sRGB of textures (IEC 61966-2-1). */

/** 8-bit sRGB → linear [0, 1]; [256] */
export const linearOfDisplay8: Float32Array = Float32Array.from({ length: 256 }, (_, i) => {
  const c = i / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
});

/** Linear light → 8-bit sRGB; values outside [0, 1] are cut. */
export function display8OfLinear(light: number): number {
  const c = Math.min(1, Math.max(0, light));
  return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
}
