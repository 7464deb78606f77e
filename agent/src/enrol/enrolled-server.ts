import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import * as z from 'zod';

const form = z.object({
  /** Without port; an IPv6 address without brackets. */
  host: z.string().min(1),
  grpcPort: z.number().int(),
  httpsPort: z.number().int(),
  nodeId: z.string(),
  nodeName: z.string(),
});

/** The server that this host enrolled with, and what it is called there. */
export type EnrolledServer = z.output<typeof form>;

/** What enrolment left in `<stateDirectory>/identity/server.json`; undefined before. Problem: AGENT_NOT_ENROLLED when it is damaged. */
export function readEnrolledServer(stateDirectory: string): EnrolledServer | undefined {
  const path = join(stateDirectory, 'identity', 'server.json');
  if (!existsSync(path)) return undefined;
  try {
    return form.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new Problem('AGENT_NOT_ENROLLED', `${path} is damaged`, { cause: error });
  }
}
