/** A place that holds the files of a model: a folder, or a repository of the Hub that is fetched file by file. */
export interface ModelSource {
  /** how errors name it */
  readonly name: string;
  /**
   * Local path of a file, fetched first when it lies on the Hub; undefined when the source has no such file.
   * @throws Error when the path leaves the source, and when a file that is there cannot be had
   */
  find(path: string): Promise<string | undefined>;
  /** A large file to be looked into before it is fetched whole; undefined when the source has no such file. */
  look(path: string): Promise<DistantFile | undefined>;
}

/** A file that may not be here yet. */
export interface DistantFile {
  /** its path, or on the Hub its repository and path there */
  readonly at: string;
  readonly size: number;
  /** the first `length` bytes, or all when it has fewer */
  start(length: number): Promise<Uint8Array>;
  /** its local path, once it is there whole */
  fetch(): Promise<string>;
}

/** `path` with forward slashes, when it stays inside. */
export function pathInside(source: string, path: string): string {
  const parts = path.split(/[/\\]/).filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..') || /^([/\\]|[A-Za-z]:)/.test(path) || path.includes('\0'))
    throw new Error(`${source}: the component ${JSON.stringify(path)} lies outside the model folder.`);
  return parts.join('/');
}
