/**
 * Compiles each kernel of this folder, AssemblyScript to WebAssembly, into src/kernels/compiled/<name>.ts: the bytes as a
 * string, so that sources and dist, Node and browsers load them alike, without touching files or network.
 *
 * `npm run build` runs it. What is up to date stays as it is; src/kernels/compiled.test.ts tells when it is not.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('.', import.meta.url));
const compiled = fileURLToPath(new URL('../src/kernels/compiled/', import.meta.url));

/** Kernels with entry points; the other files are parts of them. */
export const kernelNames = ['field', 'gaussians', 'mesh'];

const flags = [
  '--runtime stub --importMemory --sharedMemory --initialMemory 1 --maximumMemory 32768',
  '-O3 --noAssert --enable simd,threads,bulk-memory,nontrapping-f2i --use abort=',
]
  .join(' ')
  .split(' ');

/** Changes with every source of this folder, the flags and the compiler. */
export function sourceHash() {
  const hash = createHash('sha256').update(flags.join(' '));
  for (const file of readdirSync(sources).sort())
    if (/\.(ts|mjs)$/.test(file)) hash.update(file).update(readFileSync(new URL(file, import.meta.url)));
  const { version } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')).packages[
    'node_modules/assemblyscript'
  ];
  return hash.update(version).digest('hex').slice(0, 16);
}

async function compile(name) {
  const { default: asc } = await import('assemblyscript/asc');
  let wasm;
  const { error, stderr } = await asc.main(
    [`${name}.ts`, '--baseDir', sources, '--outFile', `${name}.wasm`, ...flags],
    {
      writeFile: (file, contents) => {
        if (file.endsWith('.wasm')) wasm = contents;
      },
    },
  );
  if (error || !wasm) throw new Error(`kernels/${name}.ts does not compile.\n${stderr.toString()}`);
  return wasm;
}

/** The entry points as a TypeScript interface, those handed on from other files too. All numbers: addresses are bytes. */
function interfaceOf(name) {
  const source = readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8');
  const handedOn = [...source.matchAll(/^export \{[^}]*\} from '.\/([\w-]+)'/gm)].flatMap(([, file]) =>
    entriesOf(file),
  );
  return ['export interface Functions {', ...entriesOf(name), ...handedOn, '}'];
}

function entriesOf(name) {
  const source = readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8');
  return [...source.matchAll(/^export function (\w+)\(([^)]*)\): (\w+)/gm)].map(([, entry, list, result]) => {
    const parameters = list.split(',').flatMap((p) => (p.trim() ? [`${p.split(':')[0].trim()}: number`] : []));
    return `  ${entry}(${parameters.join(', ')}): ${result === 'void' ? 'void' : 'number'};`;
  });
}

async function build() {
  const hash = sourceHash();
  mkdirSync(compiled, { recursive: true });
  for (const name of kernelNames) {
    const target = `${compiled}${name}.ts`;
    if (isCurrent(target, hash)) continue;
    const started = performance.now();
    const wasm = await compile(name);
    const code = [
      `// Compiled from kernels/${name}.ts by kernels/build.mjs.`,
      `export const sourceHash = '${hash}';`,
      ...interfaceOf(name),
      `export const wasm =\n  '${Buffer.from(wasm).toString('base64')}';`,
    ];
    writeFileSync(target, `${code.join('\n')}\n`);
    console.log(`kernels: ${name}, ${wasm.length} bytes, ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
}

function isCurrent(target, hash) {
  try {
    return readFileSync(target, 'utf8').slice(0, 300).includes(`'${hash}'`);
  } catch {
    return false; // not there yet
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
