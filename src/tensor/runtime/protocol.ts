/** A concrete tensor: what goes into a run and what comes out. */
export interface Value {
  dtype: 'float32' | 'int32' | 'int64' | 'bool' | 'uint8';
  dims: readonly number[];
  data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

export type Request =
  | {
      kind: 'create';
      model: Uint8Array;
      device: string;
      threads: number;
      folder?: string;
      state: Record<string, Value>;
      stateOutputs: Record<string, string>;
      inPlace: boolean;
    }
  | {
      kind: 'run';
      feeds: Record<string, Value>;
      held?: string;
      fetch: readonly string[];
      advance: boolean;
      whenFinite?: string;
    }
  | { kind: 'hold'; name: string; values: Record<string, Value> }
  | { kind: 'readState'; names: readonly string[] }
  | { kind: 'writeState'; state: Record<string, Value> }
  | { kind: 'dispose' };
