import type { Cli } from './cli.ts';

/**
 * Prints data as -o asked: JSON (indented on a terminal, else one line), YAML, or the text that `table` makes.
 * The JSON is the stable form: camelCase, times as `…AtMs` in milliseconds since the epoch (0: never), sizes as `…Bytes`.
 */
export async function printData(cli: Cli, data: unknown, table: () => string | Promise<string>): Promise<void> {
  if (cli.format === 'json') return cli.out(JSON.stringify(data, null, cli.io.stdout.isTTY ? 2 : undefined));
  if (cli.format === 'yaml') {
    const { dump } = await import('js-yaml');
    // Through JSON, so that YAML shows what JSON shows: absent fields stay absent.
    return cli.out(dump(JSON.parse(JSON.stringify(data)), { lineWidth: -1 }).trimEnd());
  }
  const text = await table();
  if (text !== '') cli.out(text);
}

/** A table as text; loads the table library when it is needed. */
export async function table(cli: Cli, heading: readonly string[], rows: readonly (readonly string[])[]): Promise<string> {
  const { tableText } = await import('./view/table.ts');
  return tableText(heading, rows, cli.paint);
}

/** Details of one thing as text. */
export async function fields(cli: Cli, values: readonly (readonly [name: string, value: string])[]): Promise<string> {
  const { fieldsText } = await import('./view/table.ts');
  return fieldsText(values, cli.paint);
}
