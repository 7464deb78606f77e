import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts';

/** Like `runCommand`, but a non-zero exit code throws an error that holds the command, the code and its output. */
export async function mustRunCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await runCommand(command, args, options);
  if (result.code !== 0) {
    const output = `${result.stdout}${result.stderr}`.trim();
    throw new Error(`${[command, ...args].join(' ')} ended with ${result.code}:\n${output}`);
  }
  return result;
}
