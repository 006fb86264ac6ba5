/** Closed shapes made by code, for tests: counter-clockwise from outside, one vertex per place. */
export interface Shape {
  readonly positions: Float32Array;
  readonly indices: Uint32Array;
}

/** A cube from −side/2 to side/2 around `center`; each face is n × n quads, two triangles each. */
export function cube(side: number, n = 1, center: readonly number[] = [0, 0, 0]): Shape {
  const rows = new Map<string, number>();
  const positions: number[] = [];
  const indices: number[] = [];
  const row = (at: number[]): number => {
    const key = at.join();
    let v = rows.get(key);
    if (v === undefined) {
      v = rows.size;
      rows.set(key, v);
      positions.push(...at.map((x, c) => center[c] + side * (x / n - 0.5)));
    }
    return v;
  };
  for (let axis = 0; axis < 3; axis++) {
    const [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
    for (const end of [0, n])
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          const corner = (di: number, dj: number): number => {
            const at = [0, 0, 0];
            at[axis] = end;
            at[u] = i + di;
            at[v] = j + dj;
            return row(at);
          };
          const [a, b, c, d] = [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)];
          indices.push(...(end > 0 ? [a, b, c, a, c, d] : [a, c, b, a, d, c]));
        }
  }
  return { positions: Float32Array.from(positions), indices: Uint32Array.from(indices) };
}

/** A cube whose points are drawn onto the sphere of this radius: 12·n² triangles of similar size. */
export function sphere(radius: number, n = 8, center: readonly number[] = [0, 0, 0]): Shape {
  const { positions, indices } = cube(2, n);
  for (let v = 0; v < positions.length; v += 3) {
    const length = Math.hypot(positions[v], positions[v + 1], positions[v + 2]);
    for (let c = 0; c < 3; c++) positions[v + c] = center[c] + (radius * positions[v + c]) / length;
  }
  return { positions, indices };
}

export function together(...shapes: readonly Shape[]): Shape {
  const indices: number[] = [];
  let vertices = 0;
  for (const shape of shapes) {
    for (const i of shape.indices) indices.push(vertices + i);
    vertices += shape.positions.length / 3;
  }
  return {
    positions: Float32Array.from(shapes.flatMap(({ positions }) => [...positions])),
    indices: Uint32Array.from(indices),
  };
}

/** Every face turned. */
export const insideOut = ({ positions, indices }: Shape): Shape => ({
  positions,
  indices: indices.map((_, i) => indices[i % 3 === 0 ? i : i % 3 === 1 ? i + 1 : i - 1]),
});
