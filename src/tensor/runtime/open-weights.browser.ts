/** Weights in a page: read one by one from a file that the page keeps, when a session is made. The twin of `open-weights.ts`. */
import type { OpenWeightsOptions } from './open-weights.ts';
import type { Weights } from './program.ts';
import { readHalves, readWeights, type WeightFile } from './weight-file.ts';

/**
 * Weights ready for `compile`. Nothing is read before a session is made.
 * @throws Error, then, when a value is not finite or the file is not the one whose header was read
 */
export async function openWeights(
  file: WeightFile,
  { precision = 'fp32', signal, onProgress }: OpenWeightsOptions = {},
): Promise<Weights> {
  if (precision === 'int8')
    throw new Error('openWeights: 8-bit weights run in Node, on its CPU, not in a page. Leave out the precision.');
  const weights = new Map(file.weights.map((w) => [w.name, w]));
  const of = file.weights.reduce((n, w) => n + w.end - w.begin, 0);
  let done = 0;
  const reading = async <T>(name: string, read: (one: WeightFile) => Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    const weight = weights.get(name);
    if (!weight) throw new Error(`internal: "${name}" is no weight of ${file.path}`);
    const values = await read({ path: file.path, weights: [weight] });
    done += weight.end - weight.begin;
    onProgress?.(done, of);
    return values;
  };
  return {
    streamed: {
      stored(name) {
        const weight = weights.get(name);
        return weight && (weight.isHalf ? 'float16' : 'float32');
      },
      floats: (name) => reading(name, async (one) => (await readWeights(one, { signal }))[name]),
      halves: (name) => reading(name, (one) => readHalves(one, one.weights[0], { signal })),
    },
  };
}
