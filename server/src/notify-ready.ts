import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Problem } from '@seal/foundation';

const timeoutMs = 10_000;

/**
 * Tells systemd that the server answers (unit of Type=notify), by the program systemd-notify; nothing to do where systemd did not start it.
 * Problem: SYSTEMD_UNTOLD.
 */
export async function notifyReady(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  if (!env.NOTIFY_SOCKET) return;
  try {
    await promisify(execFile)('systemd-notify', ['--ready'], { env, timeout: timeoutMs });
  } catch (error) {
    throw new Problem('SYSTEMD_UNTOLD', `systemd could not be told that the server answers: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
