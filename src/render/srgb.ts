/** The sRGB transfer curve (IEC 61966-2-1), both ways, as tables: the renderer works in linear light. */

/** 8-bit sRGB → linear [0, 1]; [256]. */
export const srgbToLinearTable: Float32Array = Float32Array.from({ length: 256 }, (_, i) => {
  const c = i / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
});

const STEPS = 4095;
const toSrgb = Uint8Array.from({ length: STEPS + 1 }, (_, i) => {
  const c = (i / STEPS) ** 2; // squared steps: fine where the curve is steep
  return Math.round(255 * (c <= 0.0031308 ? c * 12.92 : 1.055 * c ** (1 / 2.4) - 0.055));
});

/** Linear light, clipped to [0, 1] → 8-bit sRGB. */
export function linearToSrgb8(linear: number): number {
  return linear <= 0 ? 0 : linear >= 1 ? 255 : toSrgb[Math.round(Math.sqrt(linear) * STEPS)];
}
