/** A protobuf message under construction: fields in the order they are written. */
export class Message {
  private readonly parts: Uint8Array[] = [];
  private size = 0;

  /** A varint field; negative numbers as 64-bit two's complement. */
  integer(field: number, value: number | bigint): this {
    return this.push(varint((BigInt(field) << 3n) | 0n), varint(BigInt(value)));
  }

  float(field: number, value: number): this {
    return this.push(varint((BigInt(field) << 3n) | 5n), new Uint8Array(Float32Array.of(value).buffer));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.push(varint((BigInt(field) << 3n) | 2n), varint(BigInt(value.length)), value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.finish());
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.size);
    let at = 0;
    for (const part of this.parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  private push(...parts: Uint8Array[]): this {
    for (const part of parts) {
      this.parts.push(part);
      this.size += part.length;
    }
    return this;
  }
}

function varint(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, value);
  const out: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    out.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(out);
}
