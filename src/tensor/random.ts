/**
 * Random numbers as PyTorch's CPU generator draws them, so that a seed means the same noise here and there.
 * MT19937 (Matsumoto & Nishimura 1998) words; floats of 24 bits; normals by Box–Muller in blocks of 16.
 * Agrees with `torch.randn` to about 1e-6, the rounding of its vectorised log, sin and cos.
 */

/** A generator at rest: plain JSON, so that a checkpoint can hold it. */
export interface GeneratorState {
  /** MT19937 state [624], unsigned 32-bit. */
  readonly words: readonly number[];
  /** Words of the current batch already handed out, 0 … 624. */
  readonly used: number;
  /** The second normal of a short draw, waiting for the next one. */
  readonly nextNormal: number | null;
}

/** A stream of random numbers with a position; whoever creates it owns it. */
export interface Generator {
  /** One unsigned 32-bit word. */
  word(): number;
  /** `n` standard normals, as `torch.randn(n)`. */
  normal(n: number): Float32Array;
  /** `n` floats in [0, 1), as `torch.rand(n)`. */
  uniform(n: number): Float32Array;
  /** An integer in [0, bound), without bias; bound ≤ 2³². */
  integer(bound: number): number;
  /** 0 … n−1 in random order (Fisher–Yates; not the order of `torch.randperm`). */
  permutation(n: number): Int32Array;
  save(): GeneratorState;
  restore(state: GeneratorState): void;
}

const N = 624;
const M = 397;

/**
 * A generator as after `torch.manual_seed(seed)`.
 * @param seed  an integer; only its lower 32 bits count, as in PyTorch
 */
export function torchGenerator(seed: number): Generator {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`torchGenerator: seed must be an integer, got ${seed}.`);
  let words = seededWords(Number(BigInt.asUintN(32, BigInt(seed))));
  let used = N;
  let nextNormal: number | null = null;

  function word(): number {
    if (used === N) {
      twist(words);
      used = 0;
    }
    let y = words[used++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  const uniform24 = () => (word() & 0xffffff) * 2 ** -24;
  // Doubles take two words, the first one high.
  const uniform53 = () => {
    const high = word();
    const low = word();
    return ((high & 0x1fffff) * 2 ** 32 + low) * 2 ** -53;
  };

  function normal(n: number): Float32Array {
    expectCount('normal', n);
    const out = new Float32Array(n);
    if (n < 16) {
      for (let i = 0; i < n; i++) out[i] = oneNormal();
      return out;
    }
    for (let i = 0; i < n; i++) out[i] = uniform24();
    for (let i = 0; i + 16 <= n; i += 16) boxMuller16(out, i);
    if (n % 16 !== 0) {
      for (let i = n - 16; i < n; i++) out[i] = uniform24();
      boxMuller16(out, n - 16);
    }
    return out;
  }

  /** Draws shorter than 16: Box–Muller in double precision, two at a time. */
  function oneNormal(): number {
    if (nextNormal !== null) {
      const value = nextNormal;
      nextNormal = null;
      return value;
    }
    const theta = 2 * Math.PI * uniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-uniform53()));
    nextNormal = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  }

  function integer(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1 || bound > 2 ** 32)
      throw new RangeError(`integer: bound must be an integer in [1, 2³²], got ${bound}.`);
    const fair = 2 ** 32 - (2 ** 32 % bound);
    let value = word();
    while (value >= fair) value = word();
    return value % bound;
  }

  return {
    word,
    normal,
    uniform(n) {
      expectCount('uniform', n);
      return Float32Array.from({ length: n }, uniform24);
    },
    integer,
    permutation(n) {
      expectCount('permutation', n);
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = integer(i + 1);
        const held = order[i];
        order[i] = order[j];
        order[j] = held;
      }
      return order;
    },
    save: () => ({ words: Array.from(words), used, nextNormal }),
    restore(state) {
      const isWord = (w: number) => Number.isInteger(w) && w >= 0 && w < 2 ** 32;
      if (
        state.words.length !== N ||
        !state.words.every(isWord) ||
        !Number.isInteger(state.used) ||
        state.used < 0 ||
        state.used > N
      )
        throw new RangeError(
          `restore: a generator state holds ${N} unsigned words and a position, got ${state.words.length} words at ${state.used}. The checkpoint is damaged.`,
        );
      words = Uint32Array.from(state.words);
      used = state.used;
      nextNormal = state.nextNormal;
    },
  };
}

/** 16 uniforms at `at` become 16 normals: radius from the first eight, angle from the last eight. */
function boxMuller16(d: Float32Array, at: number): void {
  for (let j = at; j < at + 8; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - d[j]));
    const theta = 2 * Math.PI * d[j + 8];
    d[j] = radius * Math.cos(theta);
    d[j + 8] = radius * Math.sin(theta);
  }
}

function seededWords(seed: number): Uint32Array {
  const words = new Uint32Array(N);
  words[0] = seed;
  for (let i = 1; i < N; i++) words[i] = Math.imul(1812433253, words[i - 1] ^ (words[i - 1] >>> 30)) + i;
  return words;
}

function twist(words: Uint32Array): void {
  for (let i = 0; i < N; i++) {
    const y = (words[i] & 0x80000000) | (words[(i + 1) % N] & 0x7fffffff);
    words[i] = words[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}

function expectCount(where: string, n: number): void {
  if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`${where}: the count must be an integer ≥ 0, got ${n}.`);
}
