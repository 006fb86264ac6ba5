/**
 * IEEE 754 binary16 ("half") and bfloat16 as their 16-bit patterns, exact both ways.
 * Widening is lossless (NaN payloads aside); narrowing rounds to nearest, ties to even, as checkpoints expect.
 */
const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

/** Bits of the half nearest to `value`: overflow becomes ±∞, tiny values become subnormals or ±0. */
export function toHalfBits(value: number): number {
  // Rounding double → half directly: going through float would round twice.
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00; // halfway between 65504 and 2¹⁶ rounds to ∞
  if (magnitude < 2 ** -14) return sign | roundHalfToEven(magnitude * 2 ** 24); // subnormal; a carry gives 2⁻¹⁴
  floatView[0] = magnitude; // only the exponent is read, corrected when the float rounded up
  let exponent = (bitsView[0] >>> 23) - 127;
  if (2 ** exponent > magnitude) exponent--;
  const mantissa = roundHalfToEven(magnitude * 2 ** (10 - exponent)); // in [1024, 2048]
  return sign | (((exponent + 15) << 10) + (mantissa - 1024)); // a carry moves to the next exponent
}

/** The number that half `bits` stand for. */
export function fromHalfBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** Halves [n] → floats [n]. By table: 1.1 GB of checkpoint is read this way. */
export function halvesToFloats(halves: Uint16Array): Float32Array {
  const table = halfTable();
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) floats[i] = table[halves[i]];
  return floats;
}

/** Numbers [n] → halves [n]. */
export function floatsToHalves(floats: ArrayLike<number>): Uint16Array {
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < floats.length; i++) halves[i] = toHalfBits(floats[i]);
  return halves;
}

/** bfloat16 patterns [n] → floats [n]: the upper half of a float. */
export function bfloatsToFloats(patterns: Uint16Array): Float32Array {
  const floats = new Float32Array(patterns.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < patterns.length; i++) bits[i] = patterns[i] << 16;
  return floats;
}

/** Floats [n] → bfloat16 patterns [n]. */
export function floatsToBfloats(floats: ArrayLike<number>): Uint16Array {
  const patterns = new Uint16Array(floats.length);
  for (let i = 0; i < floats.length; i++) {
    floatView[0] = floats[i];
    const bits = bitsView[0];
    patterns[i] = Number.isNaN(floatView[0]) ? 0x7fc0 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
  return patterns;
}

let table: Float32Array | undefined;

function halfTable(): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, bits) => fromHalfBits(bits));
  return table;
}

/** `value` ≥ 0 rounded to an integer, ties to even. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
