import { defineConfig } from 'vite';

/** A page that is isolated across origins has threads in WebAssembly. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  base: './',
  publicDir: '../../models', // served as /mini/…
  worker: { format: 'es' }, // the worker loads one of two runtimes
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  build: { target: 'es2022' },
  server: { headers },
  preview: { headers },
});
