/** A concrete tensor: what goes into a run and what comes out. */
export interface Value {
  dtype: 'float32' | 'float16' | 'int32' | 'int64' | 'bool' | 'uint8';
  dims: readonly number[];
  /** halves are bit patterns */
  data: Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;
}

/** A weight that is read when the session is made, and only then: at no time are all in memory. */
export interface WeightToRead {
  name: string;
  dtype: 'float32' | 'float16';
  dims: readonly number[];
  read(): Promise<Float32Array | Uint16Array>;
}

export type Request =
  | {
      kind: 'create';
      model: Uint8Array;
      device: string;
      threads: number;
      folder?: string;
      state: Record<string, Value>;
      /** read by whoever passes the request on: functions do not travel to a thread */
      weights: readonly WeightToRead[];
      stateOutputs: Record<string, string>;
      /** a graph that gives states back as they are, each under its `readName`; there when replaced states stay on the GPU */
      reader?: Uint8Array;
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

/** The name under which a reader gives a state. */
export const readName = (state: string): string => `read:${state}`;
