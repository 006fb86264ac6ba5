import { compile, input, matmul, type Program, slice, torchGenerator } from '../src/tensor/index.ts';

export const GEMM_GFLOP = (2 * 4096 * 1024 * 4096) / 1e9;

/** One large product, [4096, 1024]·[1024, 4096]: what this machine can do just now, the yardstick of the other benches. */
export async function largeGemm(): Promise<Program> {
  const a = input('a', [4096, 1024]);
  const b = input('b', [1024, 4096]);
  const corner = slice(slice(matmul(a, b), 0, 0, 1), 1, 0, 1); // the whole result need not leave the session
  const rng = torchGenerator(1);
  return compile({ corner }, { state: { a: rng.uniform(4096 * 1024), b: rng.uniform(4096 * 1024) } });
}
