import { after, before } from 'node:test';
import { createTestLab, type TestLabOptions } from './create-test-lab.ts';
import type { Lab } from './lab.ts';

/**
 * Called in a `describe`: makes one lab before its tests and removes it after them. Returns the function that gives the lab to a
 * test; calling it before the tests run throws.
 */
export function useLab(options: TestLabOptions): () => Lab {
  let created: Awaited<ReturnType<typeof createTestLab>> | undefined;
  before(async () => {
    created = await createTestLab(options);
  });
  after(() => created?.remove());
  return () => {
    if (created === undefined) throw new Error('the lab is made before the first test runs; ask for it inside a test');
    return created.lab;
  };
}
