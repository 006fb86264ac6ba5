const CHUNK_BYTES = 1 << 20;
const MAX_LINE_BYTES = 1 << 24;

/**
 * The lines of a text file, one at a time, so that a file of any size never becomes one string. `\n`, `\r\n` and `\r`
 * end a line. Bytes that are no UTF-8 become U+FFFD.
 * @throws RangeError for a line above 16 MiB: that is no text file
 */
export function* textLines(bytes: Uint8Array): Generator<string> {
  const decoder = new TextDecoder();
  for (let start = 0; start < bytes.length; ) {
    let end = Math.min(bytes.length, start + CHUNK_BYTES);
    while (end < bytes.length && bytes[end - 1] !== 10 && bytes[end - 1] !== 13) {
      if (end - start > MAX_LINE_BYTES)
        throw new RangeError(`a line at byte ${start} is longer than ${MAX_LINE_BYTES} bytes`);
      end++;
    }
    if (bytes[end - 1] === 13 && bytes[end] === 10) end++; // never between \r and \n
    const lines = decoder.decode(bytes.subarray(start, end)).split(/\r\n|\n|\r/);
    if (lines[lines.length - 1] === '') lines.pop(); // what follows the last line end
    yield* lines;
    start = end;
  }
}
