/** A web server for pages under test: files by ranges, and what can go wrong on the way. */
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

export interface PageServer {
  readonly url: string;
  /** `METHOD path [range]` of every request since it was last emptied */
  log: string[];
  /** changes what is sent of a file; undefined leaves it */
  alter?: (path: string, bytes: Buffer) => Buffer | undefined;
  /** bytes of each answer after which the connection breaks, by path; once each */
  breakAfter: Map<string, number>;
  close(): Promise<void>;
}

/** @param folders  what is served under each first part of a path */
export async function servePages(folders: Readonly<Record<string, string>>): Promise<PageServer> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname)).slice(1);
    const range = request.headers.range;
    own.log.push([request.method, path, range].filter(Boolean).join(' '));
    const [first, ...rest] = path.split('/');
    const file = folders[first] === undefined ? undefined : join(folders[first], ...rest);
    if (file === undefined || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    const { size, mtimeMs } = statSync(file);
    const altered = own.alter?.(path, readFileSync(file));
    const [, from = '0', to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
    const [begin, end] = [Number(from), to ? Math.min(Number(to) + 1, size) : size];
    const headers: Record<string, string | number> = {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'accept-ranges': 'bytes',
      etag: `"${size}-${mtimeMs}"`,
      'content-length': end - begin,
      // isolated across origins, so that WebAssembly has threads
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      ...(range ? { 'content-range': `bytes ${begin}-${end - 1}/${size}` } : {}),
    };
    response.writeHead(range ? 206 : 200, headers);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const stop = own.breakAfter.get(path);
    if (stop !== undefined && stop < end - begin) {
      own.breakAfter.delete(path);
      response.write(readFileSync(file).subarray(begin, begin + stop), () => setTimeout(() => response.destroy(), 300));
      return;
    }
    if (altered) response.end(altered.subarray(begin, end));
    else send(file, begin, end, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own: PageServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log: [],
    breakAfter: new Map(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return own;
}

function send(file: string, begin: number, end: number, response: ServerResponse): void {
  if (begin >= end) response.end();
  else createReadStream(file, { start: begin, end: end - 1 }).pipe(response);
}
