/**
 * The memory of a kernel: places are handed out one after the other and taken back all at once. A view is valid until the
 * next `place`, which may grow the memory; so place first, then fill.
 */
export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  private used = START;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
  }

  /** Forgets all places, or those after `mark`. */
  reset(mark = START): void {
    this.used = mark;
  }

  /** To come back to with `reset`. */
  get mark(): number {
    return this.used;
  }

  /**
   * The address of `bytes` bytes, a multiple of 64. What is there is left from earlier use.
   * @throws RangeError beyond 2 GiB
   */
  place(bytes: number): number {
    const address = this.used;
    const end = Math.ceil((address + bytes) / 64) * 64;
    if (!(end <= MAX_PAGES * PAGE))
      throw new RangeError(
        `kernel: needs ${Math.round(end / 2 ** 20)} MiB, has at most 2048. Render fewer primitives or a smaller picture.`,
      );
    const missing = Math.ceil(end / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing > 0) this.memory.grow(missing);
    this.used = end;
    return address;
  }

  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, address, length);
  }

  integers(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length);
  }

  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  /** Places floats and copies `data` there. */
  put(data: Float32Array): number {
    const address = this.place(4 * data.length);
    this.floats(address, data.length).set(data);
    return address;
  }
}

export const PAGE = 65536;
export const MAX_PAGES = 32768;

/** Below lies the ticket counter that threads draw their next piece of work from. */
const START = 64;
