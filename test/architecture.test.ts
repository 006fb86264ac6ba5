/** Who may import whom, and what code below the pipelines may touch: docs/architecture.md as a test. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Each folder and the folders it may import. */
const below = {
  threads: [],
  tensor: ['threads'],
  formats: [],
  kernels: [],
  flow: ['tensor'],
  nn: ['tensor'],
  sparse: ['tensor', 'nn'],
  representations: ['tensor', 'nn', 'sparse'],
  render: ['tensor', 'formats', 'kernels', 'representations'],
  finish: ['tensor', 'formats', 'kernels', 'representations', 'render'],
  stages: ['tensor', 'nn', 'sparse', 'flow', 'representations', 'render', 'finish', 'formats'],
} as const;
const floor = Object.keys(below);
const mayImport: Record<string, readonly string[]> = {
  ...below,
  pipelines: floor,
  dataset: [...floor, 'pipelines'],
  training: [...floor, 'pipelines', 'dataset'],
  evaluation: [...floor, 'pipelines', 'dataset', 'training'],
  web: [...floor, 'pipelines'],
};

/** Files below the pipelines that may touch the machine, each with its reason. Tests may, too. */
const outerAdapters: Record<string, string> = {
  'src/threads/': 'starts threads of Node',
  'src/kernels/': 'owns the threads of kernels, of Node and of browsers',
  'src/tensor/runtime/': 'owns the worker, the sessions, the weight files and their cache',
};
const outside =
  /from 'node:(?!assert)|import\('node:|\b(process|console)\.|Math\.random|Date\.now|performance\.now|\bfetch\(/;

const files = ['src', 'apps']
  .flatMap((top) => readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((f) => join(top, f)))
  .filter((f) => /\.tsx?$/.test(f) && !f.includes('node_modules'))
  .map((path) => ({ path, code: withoutComments(readFileSync(join(root, path), 'utf8')) }));

test('imports follow the layers, and another folder is entered through its index.ts only', () => {
  expect(files.flatMap((file) => importsOf(file).flatMap((target) => complaint(file.path, target)))).toEqual([]);
});

test('below the pipelines nothing touches files, network, clock, console or global randomness', () => {
  const checked = files.filter(
    ({ path }) =>
      floor.includes(folderOf(path)) &&
      !path.includes('.test.') &&
      !Object.keys(outerAdapters).some((adapter) => path.startsWith(adapter)),
  );
  const found = checked.map(({ path, code }) => `${path}: ${outside.exec(code)?.[0]}`);
  expect(found.filter((line) => !line.endsWith(': undefined'))).toEqual([]);
});

test('what a page loads is free of Node: no node: module, no sharp, no onnxruntime-node', () => {
  const twins = twinsOfPages();
  const seen = new Set<string>();
  const found: string[] = [];
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const code = withoutComments(readFileSync(join(root, path), 'utf8'));
    for (const name of valueImports(code)) {
      if (!name.startsWith('.')) {
        if (/^(node:|sharp$|onnxruntime-node$)|^(fs|path|os|crypto|worker_threads)$/.test(name))
          found.push(`${path} imports ${name}`);
        continue;
      }
      const target = relative(root, resolve(root, dirname(path), name));
      visit(twins.get(target) ?? target);
    }
  };
  visit('src/web/index.ts');
  visit('src/web/worker.ts');
  expect(found).toEqual([]);
  for (const twin of twins.values()) expect(seen, `${twin} is listed in package.json and not used`).toContain(twin);
});

test('each file that pages have a twin of exports the same names there', () => {
  for (const [own, twin] of twinsOfPages()) {
    const names = (path: string) => exportedNames(readFileSync(join(root, path), 'utf8'));
    const missing = [...names(own)].filter((name) => !names(twin).has(name));
    expect(
      missing.filter((name) => !inNodeOnly.has(name)),
      `${twin} lacks names of ${own}`,
    ).toEqual([]);
  }
});

/** What a page has no use for. */
const inNodeOnly = new Set(['hubCacheFolder']);

test('file names say what is inside', () => {
  const bad = /(^|\/)(utils?|helpers?|common|misc|types)\.tsx?$/;
  expect(files.map(({ path }) => path).filter((path) => bad.test(path))).toEqual([]);
});

function complaint(from: string, target: string): string[] {
  const [a, b] = [folderOf(from), folderOf(target)];
  if (a === b || from.includes('.test.')) return [];
  if (b === 'apps') return [`${from} imports the app ${target}`];
  if (!/(^|\/)index(\.browser)?\.ts$/.test(target)) return [`${from} reaches past an index.ts: ${target}`];
  const allowed = from.startsWith('apps/') || from === 'src/index.ts' || mayImport[a]?.includes(b);
  return allowed ? [] : [`${from} (${a}) may not import ${b}: ${target}`];
}

/** Sources and their twins in pages, as bundlers read them in package.json. */
function twinsOfPages(): Map<string, string> {
  const { browser } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    browser: Record<string, string>;
  };
  const source = (path: string) => path.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts');
  return new Map(Object.entries(browser).map(([own, twin]) => [source(own), source(twin)]));
}

/** What a file imports or re-exports when it runs; types are gone then. */
function valueImports(code: string): string[] {
  const statements = code.matchAll(/(?:^|\n)(?:import|export)\s+(type\s)?(?:[\w\s{},*$]+?\sfrom\s+)?'([^']+)'/g);
  const named = [...statements].filter(([, type]) => !type).map(([, , name]) => name);
  return [...named, ...[...code.matchAll(/import\('([^']+)'\)/g)].map(([, name]) => name)];
}

/** Names of the values that a file exports. */
function exportedNames(code: string): Set<string> {
  const declared = [...code.matchAll(/\nexport (?:async )?(?:function|const|class) (\w+)/g)].map(([, name]) => name);
  const listed = [...code.matchAll(/\nexport \{([^}]*)\}/g)].flatMap(([, names]) =>
    names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type ')),
  );
  return new Set([...declared, ...listed]);
}

/** 'tensor' for src/tensor/ops/add.ts; the apps count as one folder each, src/index.ts as ''. */
function folderOf(path: string): string {
  const parts = path.split('/');
  if (parts[0] === 'apps') return 'apps';
  return parts.length > 2 ? parts[1] : '';
}

function importsOf({ path, code }: { path: string; code: string }): string[] {
  const targets = [...code.matchAll(/(?:from|import\(?)\s*'(\.[^']+)'/g)].map((match) => match[1]);
  return targets.map((target) => relative(root, resolve(root, dirname(path), target)).replace(/\.js$/, '.ts'));
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
