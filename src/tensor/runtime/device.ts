/** What runs a graph: the names of ONNX Runtime's backends. In a page 'cpu' is WebAssembly. */
export type Device = 'cpu' | 'webgpu' | 'cuda';
