/**
 * Minimum cut of a graph between a source and a sink, by maximum flow.
 * Every node may hang on the source, on the sink, or on neither; edges between nodes let flow through both ways.
 */
export interface CutGraph {
  readonly nodes: number;
  readonly from: Uint32Array; // [E]
  readonly to: Uint32Array; // [E]
  readonly capacity: Float64Array; // [E], ≥ 0, in each direction
  readonly source: Float64Array; // [nodes], capacity from the source, ≥ 0
  readonly sink: Float64Array; // [nodes], capacity to the sink, ≥ 0
}

export interface MinimumCut {
  readonly isSourceSide: Uint8Array; // [nodes]: what the source still reaches, the smallest of all minimum cuts
  readonly flow: number; // the sum of capacities that the cut severs
}

/**
 * Phases of shortest augmenting paths, each a blocking flow in the layers around the source; capacities are real numbers.
 * Source: Dinic 1970, "Algorithm for solution of a problem of maximum flow in a network with power estimation".
 */
export function minimumCut(graph: CutGraph): MinimumCut {
  const { nodes, from, to, capacity } = graph;
  const source = graph.source.slice();
  const sink = graph.sink.slice();
  // Arc 2e goes along edge e, 2e + 1 against it: the reverse of arc a is a ^ 1.
  const residual = new Float64Array(2 * from.length);
  const target = new Uint32Array(2 * from.length);
  const firstArc = new Uint32Array(nodes + 1);
  for (let e = 0; e < from.length; e++) {
    firstArc[from[e] + 1]++;
    firstArc[to[e] + 1]++;
  }
  for (let v = 0; v < nodes; v++) firstArc[v + 1] += firstArc[v];
  const arcs = new Uint32Array(2 * from.length);
  const next = firstArc.slice();
  for (let e = 0; e < from.length; e++) {
    residual[2 * e] = residual[2 * e + 1] = capacity[e];
    target[2 * e] = to[e];
    target[2 * e + 1] = from[e];
    arcs[next[from[e]]++] = 2 * e;
    arcs[next[to[e]]++] = 2 * e + 1;
  }

  let flow = 0;
  const layer = new Int32Array(nodes);
  const queue = new Uint32Array(nodes);
  const path: number[] = []; // arcs
  for (;;) {
    let reachesSink = false;
    layer.fill(-1);
    let end = 0;
    for (let v = 0; v < nodes; v++)
      if (source[v] > 0) {
        layer[v] = 0;
        queue[end++] = v;
      }
    for (let at = 0; at < end; at++) {
      const v = queue[at];
      if (sink[v] > 0) reachesSink = true;
      for (let i = firstArc[v]; i < firstArc[v + 1]; i++) {
        const w = target[arcs[i]];
        if (layer[w] < 0 && residual[arcs[i]] > 0) {
          layer[w] = layer[v] + 1;
          queue[end++] = w;
        }
      }
    }
    if (!reachesSink) break;

    next.set(firstArc); // arcs before it are used up in this phase
    for (let start = 0; start < nodes; start++) {
      while (source[start] > 0) {
        // Depth first along rising layers, to a node that still drains into the sink.
        path.length = 0;
        let v = start;
        let found = true;
        while (!(sink[v] > 0)) {
          const i = next[v];
          if (i < firstArc[v + 1]) {
            const arc = arcs[i];
            if (residual[arc] > 0 && layer[target[arc]] === layer[v] + 1) {
              path.push(arc);
              v = target[arc];
            } else next[v]++;
          } else if (path.length > 0) {
            v = target[path.pop()! ^ 1];
            next[v]++;
          } else {
            found = false;
            break;
          }
        }
        if (!found) break;
        let amount = Math.min(source[start], sink[v]);
        for (const arc of path) amount = Math.min(amount, residual[arc]);
        source[start] -= amount;
        sink[v] -= amount;
        for (const arc of path) {
          residual[arc] -= amount;
          residual[arc ^ 1] += amount;
        }
        flow += amount;
      }
    }
  }
  return { isSourceSide: Uint8Array.from(layer, (l) => (l >= 0 ? 1 : 0)), flow };
}
