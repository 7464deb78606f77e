import { readFileSync } from 'node:fs';

/** The kernel's id of this boot: another one after every reboot. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
