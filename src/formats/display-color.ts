/** Between 8-bit or fractional sRGB, as colours stand in OBJ, MTL and PLY files, and the linear light of a scene. */

/** sRGB in [0, 1] → linear light. */
export const linearOfDisplay = (c: number): number => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);

/** Linear light → sRGB, both in [0, 1]; values outside are cut. */
export function displayOfLinear(c: number): number {
  const light = Math.min(1, Math.max(0, c));
  return light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055;
}
