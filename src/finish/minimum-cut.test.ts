import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CutGraph, minimumCut } from './minimum-cut.ts';

const graph = (nodes: number, edges: number[][], source: number[], sink: number[]): CutGraph => ({
  nodes,
  from: Uint32Array.from(edges, (e) => e[0]),
  to: Uint32Array.from(edges, (e) => e[1]),
  capacity: Float64Array.from(edges, (e) => e[2]),
  source: Float64Array.from(source),
  sink: Float64Array.from(sink),
});

/** Severed capacity of a division of the nodes. */
function cost({ nodes, from, to, capacity, source, sink }: CutGraph, isSourceSide: (v: number) => boolean): number {
  let sum = 0;
  for (let v = 0; v < nodes; v++) sum += isSourceSide(v) ? sink[v] : source[v];
  for (let e = 0; e < from.length; e++) if (isSourceSide(from[e]) !== isSourceSide(to[e])) sum += capacity[e];
  return sum;
}

test('a chain is cut at its weakest link', () => {
  const chain = graph(
    4,
    [
      [0, 1, 3],
      [1, 2, 0.5],
      [2, 3, 2],
    ],
    [9, 0, 0, 0],
    [0, 0, 0, 9],
  );
  expect(minimumCut(chain)).toEqual({ isSourceSide: Uint8Array.from([1, 1, 0, 0]), flow: 0.5 });
});

test('what hangs on neither side is not on the source side', () => {
  expect(minimumCut(graph(3, [], [1, 0, 0], [0, 1, 0]))).toEqual({ isSourceSide: Uint8Array.from([1, 0, 0]), flow: 0 });
});

test('flow equals the severed capacity, and no division of a small graph severs less', () => {
  const weight = fc.integer({ min: 0, max: 7 });
  const anyGraph = fc.integer({ min: 1, max: 8 }).chain((nodes) => {
    const node = fc.integer({ min: 0, max: nodes - 1 });
    return fc
      .tuple(
        fc.array(fc.tuple(node, node, weight), { maxLength: 20 }),
        fc.array(weight, { minLength: nodes, maxLength: nodes }),
        fc.array(weight, { minLength: nodes, maxLength: nodes }),
      )
      .map(([edges, source, sink]) => graph(nodes, edges, source, sink));
  });
  fc.assert(
    fc.property(anyGraph, (g) => {
      const { isSourceSide, flow } = minimumCut(g);
      let least = Infinity;
      for (let subset = 0; subset < 2 ** g.nodes; subset++)
        least = Math.min(
          least,
          cost(g, (v) => ((subset >> v) & 1) === 1),
        );
      expect(flow).toBe(least);
      expect(cost(g, (v) => isSourceSide[v] === 1)).toBe(least);
    }),
  );
});
