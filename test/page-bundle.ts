/** Pages bundled from the sources, by the rules that package.json gives to bundlers. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin, type Rollup } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

/** `espalier/web` and its worker from src/ instead of dist/, with the twins that package.json names. */
function sources(): Plugin {
  const { browser } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    browser: Record<string, string>;
  };
  const source = (path: string) => join(root, path.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts'));
  const twins = new Map(Object.entries(browser).map(([own, twin]) => [source(own), source(twin)]));
  return {
    name: 'espalier-sources',
    enforce: 'pre',
    resolveId(id, importer) {
      if (id === 'espalier/web') return join(root, 'src/web/index.ts');
      if (importer && id.startsWith('.')) return twins.get(resolve(dirname(importer), id));
    },
    transform(code, id) {
      if (id.endsWith('src/web/worker-client.ts')) return code.replace("'./worker.js'", "'./worker.ts'");
    },
  };
}

/** Bundles a page into `outDir`; → the names of all modules in it. */
export async function bundlePage(page: string, outDir: string): Promise<string[]> {
  const modules = new Set<string>();
  const seen = (): Plugin => ({
    name: 'modules',
    moduleParsed: ({ id }: Rollup.ModuleInfo) => void modules.add(id),
  });
  await build({
    configFile: false,
    root: join(root, page),
    base: './',
    logLevel: 'error',
    plugins: [sources(), seen()],
    worker: { format: 'es', plugins: () => [sources(), seen()] },
    build: { outDir, emptyOutDir: true, minify: false, target: 'es2022', reportCompressedSize: false },
  });
  return [...modules];
}
