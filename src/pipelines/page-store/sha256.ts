/**
 * SHA-256 of bytes that come in pieces: the platform's own digest wants them all at once, and a network's file is
 * larger than a page should hold.
 * Source: FIPS 180-4, §6.2.
 */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** the digest in hexadecimal; ends the stream */
  hex(): string;
}

export function sha256(): Sha256 {
  const hash = Int32Array.of(
    0x6a09e667,
    0xbb67ae85,
    0x3c6ef372,
    0xa54ff53a,
    0x510e527f,
    0x9b05688c,
    0x1f83d9ab,
    0x5be0cd19,
  );
  const rest = new Uint8Array(64); // a block that is not full yet
  const words = new Int32Array(64);
  let filled = 0;
  let total = 0;
  const block = (bytes: Uint8Array, at: number) => {
    for (let i = 0, k = at; i < 16; i++, k += 4)
      words[i] = (bytes[k] << 24) | (bytes[k + 1] << 16) | (bytes[k + 2] << 8) | bytes[k + 3];
    for (let i = 16; i < 64; i++) {
      const [x, y] = [words[i - 15], words[i - 2]];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      words[i] = words[i - 16] + s0 + words[i - 7] + s1;
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    for (const [i, v] of [a, b, c, d, e, f, g, h].entries()) hash[i] += v;
  };
  const update = (bytes: Uint8Array) => {
    total += bytes.length;
    let at = 0;
    if (filled > 0) {
      at = Math.min(64 - filled, bytes.length);
      rest.set(bytes.subarray(0, at), filled);
      filled += at;
      if (filled < 64) return;
      block(rest, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) block(bytes, at);
    filled = bytes.length - at;
    rest.set(bytes.subarray(at));
  };
  return {
    update,
    hex() {
      const bits = total * 8;
      const end = new Uint8Array(((55 - total) & 63) + 9); // 1, zeros, the length in bits as 64 bits
      end[0] = 0x80;
      const view = new DataView(end.buffer);
      view.setUint32(end.length - 8, Math.floor(bits / 2 ** 32));
      view.setUint32(end.length - 4, bits >>> 0);
      update(end);
      return [...hash].map((v) => (v >>> 0).toString(16).padStart(8, '0')).join('');
    },
  };
}

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const ROUNDS = Int32Array.from({ length: 64 }, cubeRoot);

function cubeRoot(_: unknown, index: number): number {
  let [prime, found] = [1, -1];
  while (found < index) {
    prime++;
    let divisor = 2;
    while (divisor * divisor <= prime && prime % divisor !== 0) divisor++;
    if (divisor * divisor > prime) found++;
  }
  // ⌊∛prime · 2³²⌋ in integers: a double's cube root has too few digits to spare.
  const wanted = BigInt(prime) << 96n;
  let [low, high] = [0n, 1n << 36n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** 3n <= wanted) low = middle;
    else high = middle;
  }
  return Number(BigInt.asIntN(32, low));
}
