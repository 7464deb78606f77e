import { InvalidArgumentError, Option } from 'commander';
import type { Cli, OutputFormat } from './cli.ts';

const formats = ['table', 'json', 'yaml'] as const;

/** `-o json|yaml|table`. Sets the format while the command line is read, so that later mistakes are told in it too. */
export function formatOption(cli: Cli): Option {
  return new Option('-o, --output <format>', 'how data is printed').choices(formats).argParser((value) => {
    if (!formats.includes(value as OutputFormat)) throw new InvalidArgumentError(`Allowed choices are ${formats.join(', ')}.`);
    cli.format = value as OutputFormat;
    return value;
  });
}

/** `-o json` for commands that follow an operation: one JSON object per line. */
export function eventFormatOption(cli: Cli): Option {
  return new Option('-o, --output <format>', 'json: one JSON object per event and line')
    .choices(['text', 'json'])
    .argParser((value) => {
      if (value !== 'text' && value !== 'json') throw new InvalidArgumentError('Allowed choices are text, json.');
      cli.format = value === 'json' ? 'json' : 'table';
      return value;
    });
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** "90s", "15m", "12h", "7d" as seconds. */
export function parseSeconds(text: string): number {
  const match = /^(\d{1,9})(s|m|h|d)$/.exec(text);
  if (!match) throw new InvalidArgumentError('Expected a length of time such as 90s, 15m, 12h or 7d.');
  return Number(match[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[match[2] as 's' | 'm' | 'h' | 'd'];
}

/** A whole number of at least 1. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return Number(text);
}

/** Examples below the help of a command. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
