/**
 * CSV as pandas writes and reads it: comma, double quotes doubled inside quotes, first row names the columns.
 * Values stay text; an empty cell is a missing value.
 */
export interface CsvTable {
  readonly columns: string[];
  readonly rows: Record<string, string>[];
}

/** @throws SyntaxError when a quote is never closed */
export function parseCsv(text: string): CsvTable {
  const records = splitRecords(text.replace(/^\ufeff/, ''));
  const columns = records.shift() ?? [];
  const rows = records.map((cells) => Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? ''])));
  return { columns, rows };
}

export function formatCsv(table: CsvTable): string {
  const lines = [table.columns, ...table.rows.map((row) => table.columns.map((column) => row[column] ?? ''))];
  return lines.map((cells) => `${cells.map(quote).join(',')}\n`).join('');
}

const quote = (cell: string): string => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

function splitRecords(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let at = 0;
  while (at < text.length) {
    let cell = '';
    if (text[at] === '"') {
      const start = at;
      for (at++; ; ) {
        const end = text.indexOf('"', at);
        if (end < 0)
          throw new SyntaxError(`CSV: the quote at character ${start} is never closed. Close it or remove it.`);
        cell += text.slice(at, end);
        at = end + 1;
        if (text[at] !== '"') break;
        cell += '"';
        at++;
      }
    }
    const end = nextBreak(text, at);
    record.push(cell + text.slice(at, end));
    at = end;
    if (text[at] === ',') {
      at++;
      if (at === text.length) record.push('');
      if (at < text.length) continue;
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    if (record.length > 1 || record[0] !== '') records.push(record);
    record = [];
  }
  return records;
}

function nextBreak(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== ',' && text[at] !== '\n' && text[at] !== '\r') at++;
  return at;
}
