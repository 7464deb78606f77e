import { createTestLab, type TestLabOptions } from './create-test-lab.ts';
import type { Lab } from './lab.ts';

/** Makes a lab, gives it to `use`, and removes it whatever happens: `use` fails, the process ends or is told to end. */
export async function withLab<T>(options: TestLabOptions, use: (lab: Lab) => Promise<T>): Promise<T> {
  const { lab, remove } = await createTestLab(options);
  try {
    return await use(lab);
  } finally {
    await remove();
  }
}
