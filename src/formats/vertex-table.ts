/**
 * Numbers triples of 32-bit integers in the order of their first appearance: an OBJ corner (v, vt, vn), or the bits of a
 * position. Open addressing over typed arrays: a Map of strings took ten times the memory.
 */
export interface VertexTable {
  /** Row of the triple, a new one when it was not there. */
  row(a: number, b: number, c: number): number;
  /** Number of different triples. */
  readonly size: number;
  /** The triples by row, [size, 3]. */
  triples(): Int32Array;
}

export function createVertexTable(): VertexTable {
  let slots = new Int32Array(1024).fill(-1); // row, or −1
  let keys = new Int32Array(1024 * 3);
  let size = 0;

  const place = (a: number, b: number, c: number): number => {
    let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
    h ^= h >>> 15;
    const mask = slots.length - 1;
    for (let i = h & mask; ; i = (i + 1) & mask) {
      const row = slots[i];
      if (row < 0 || (keys[3 * row] === a && keys[3 * row + 1] === b && keys[3 * row + 2] === c)) return i;
    }
  };
  const grow = () => {
    const next = new Int32Array(keys.length * 2);
    next.set(keys);
    keys = next;
    slots = new Int32Array(slots.length * 2).fill(-1);
    for (let row = 0; row < size; row++) slots[place(keys[3 * row], keys[3 * row + 1], keys[3 * row + 2])] = row;
  };

  return {
    row(a, b, c) {
      let i = place(a, b, c);
      if (slots[i] >= 0) return slots[i];
      if (size * 2 >= slots.length) {
        grow();
        i = place(a, b, c);
      }
      keys[3 * size] = a;
      keys[3 * size + 1] = b;
      keys[3 * size + 2] = c;
      slots[i] = size;
      return size++;
    },
    get size() {
      return size;
    },
    triples: () => keys.slice(0, size * 3),
  };
}

/**
 * Corners that stand at the same place, bit for bit, become one vertex.
 * @param corners  [C, 3]
 */
export function weldExactly(corners: Float32Array): { positions: Float32Array; indices: Uint32Array } {
  const table = createVertexTable();
  const plain = corners.map((value) => value + 0); // −0 is 0
  const bits = new Int32Array(plain.buffer);
  const indices = new Uint32Array(corners.length / 3);
  for (let i = 0; i < indices.length; i++) indices[i] = table.row(bits[3 * i], bits[3 * i + 1], bits[3 * i + 2]);
  return { positions: new Float32Array(table.triples().buffer), indices };
}
