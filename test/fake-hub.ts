import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What goes wrong with the next answer that carries bytes of a file. */
export type Fault =
  | 'cut' // the connection breaks halfway
  | 'short' // a complete answer with half of the bytes
  | 'stall' // some bytes, then silence
  | 'wrong' // other bytes of the same length
  | 'long' // more bytes than there are
  | 'whole' // a range is asked for, the whole file is sent
  | 'other-range' // another range than the one asked for
  | 416
  | 500
  | 503;

export interface FakeHub {
  endpoint: string;
  /** every request: 'HEAD hub /owner/name/…' or 'GET cdn …', with its range and whether it carried a token */
  log: string[];
  /** repositories by id */
  repositories: Map<string, FakeRepository>;
  /** for the next answers with bytes, first to last; 'fine' is none */
  faults: (Fault | 'fine')[];
  /** statuses of the next answers to questions about a file, such as 503; then as usual */
  statuses: number[];
  close(): Promise<void>;
}

export interface FakeRepository {
  commit: string;
  files: Map<string, Uint8Array>;
  /** paths that lie in the large store, on another host */
  large?: RegExp;
  /** who may read: everyone, those with this token, those whom the owner admitted */
  needs?: { token: string; gated?: boolean };
  /** where the repository has moved */
  movedTo?: string;
  branches?: string[];
  /** small files are answered from another path of the same host, which does not name the commit */
  cachesSmallFiles?: boolean;
}

/** A server that answers as the Hub does, and a second one for large files, as its store. */
export async function fakeHub(): Promise<FakeHub> {
  const log: string[] = [];
  const repositories = new Map<string, FakeRepository>();
  const faults: (Fault | 'fine')[] = [];
  const statuses: number[] = [];
  const note = (host: string, request: IncomingMessage) => {
    const { range, authorization } = request.headers;
    log.push([request.method, host, request.url, range, authorization && 'token'].filter(Boolean).join(' '));
  };
  const blobs = new Map<string, Uint8Array>();
  const cdn = await listening((request, response) => {
    note('cdn', request);
    const bytes = blobs.get((request.url ?? '').slice(1));
    if (!bytes) return void response.writeHead(404).end();
    sendBytes(request, response, bytes, faults.shift());
  });
  const hub = await listening((request, response) => {
    note('hub', request);
    const parts = (request.url ?? '').split('?')[0].split('/').map(decodeURIComponent);
    const cached = parts[1] === 'api';
    const [owner, name, resolve, revision, ...rest] = cached
      ? [parts[4], parts[5], 'resolve', ...parts.slice(6)]
      : parts.slice(1);
    const repository = repositories.get(`${owner}/${name}`);
    const status = request.method === 'HEAD' ? statuses.shift() : undefined;
    if (status !== undefined && status !== 200) return void response.writeHead(status).end();
    if (!repository || resolve !== 'resolve')
      return void response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end();
    if (repository.movedTo)
      return void response
        .writeHead(307, { location: (request.url ?? '').replace(`${owner}/${name}`, repository.movedTo) })
        .end();
    const { commit, files, needs, branches = ['main'], large } = repository;
    if (needs && request.headers.authorization !== `Bearer ${needs.token}`)
      return void response
        .writeHead(needs.gated ? 403 : 401, { 'x-error-code': needs.gated ? 'GatedRepo' : 'RepoNotFound' })
        .end();
    if (![commit, ...branches].includes(revision))
      return void response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end();
    const path = rest.join('/');
    const bytes = files.get(path);
    if (!bytes) return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    if (!cached) response.setHeader('x-repo-commit', commit);
    if (repository.cachesSmallFiles && !cached && !large?.test(path))
      return void response
        .writeHead(307, { location: `/api/resolve-cache/models/${owner}/${name}/${commit}/${path}?etag=%22x%22` })
        .end();
    if (large?.test(path)) {
      const hash = sha256(bytes);
      blobs.set(hash, bytes);
      response.setHeader('x-linked-etag', `"${hash}"`);
      response.setHeader('x-linked-size', bytes.length);
      return void response.writeHead(302, { location: `${cdn.address}/${hash}` }).end();
    }
    response.setHeader('etag', `W/"${gitHash(bytes)}"`);
    if (request.method === 'HEAD') response.writeHead(200, { 'content-length': bytes.length }).end();
    else sendBytes(request, response, bytes, faults.shift());
  });
  return {
    endpoint: hub.address,
    log,
    repositories,
    faults,
    statuses,
    close: async () => {
      await Promise.all([hub, cdn].map(({ server }) => closed(server)));
    },
  };
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
export const gitHash = (bytes: Uint8Array) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

function sendBytes(request: IncomingMessage, response: ServerResponse, file: Uint8Array, fault?: Fault | 'fine'): void {
  if (typeof fault === 'number') return void response.writeHead(fault).end();
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const ranged = asked !== null && fault !== 'whole';
  let from = ranged ? Number(asked[1]) : 0;
  if (fault === 'other-range') from = Math.max(0, from - 1);
  if (ranged && from >= file.length) return void response.writeHead(416).end();
  const end = ranged && asked[2] ? Math.min(Number(asked[2]) + 1, file.length) : file.length;
  let bytes = file.subarray(from, end);
  if (fault === 'wrong') bytes = bytes.map((v) => v ^ 1);
  if (fault === 'long') bytes = Buffer.concat([bytes, bytes]);
  const half = bytes.subarray(0, bytes.length >> 1);
  const length = fault === 'short' ? half.length : bytes.length;
  response.writeHead(ranged ? 206 : 200, {
    'content-length': length,
    ...(ranged ? { 'content-range': `bytes ${from}-${end - 1}/${file.length}` } : {}),
  });
  if (fault === 'short') return void response.end(half);
  if (fault === 'stall') return void response.write(half);
  if (fault === 'cut') return void response.write(half, () => setTimeout(() => response.destroy(), 20));
  response.end(bytes);
}

async function listening(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ server: Server; address: string }> {
  const server = createServer(handle);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}
