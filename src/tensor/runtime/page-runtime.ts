/** How the runtime is started in a page. */
export interface PageRuntimeOptions {
  /**
   * Where ONNX Runtime's .wasm file (and .mjs file) lie: a folder's address, or that of each. By default where the
   * bundler put them, beside the runtime's own script.
   */
  wasmPaths?: string | { wasm?: string; mjs?: string };
  /** threads of WebAssembly; by default one per core, at most 8, in a page that is isolated across origins, else 1 */
  threads?: number;
  /** whether a WebGPU adapter that computes on the CPU will do */
  software?: boolean;
}
