import { Lab, type LabOptions } from './lab.ts';
import { removeLabAtExit } from './remove-lab-at-exit.ts';

/** Labs of tests are called so, and those whose creator was killed are removed by the next test that makes one. */
const testPrefix = 'test-';

/** The options of a lab whose name does not matter; without one it gets `test-<pid>-<random>`. */
export type TestLabOptions = Omit<LabOptions, 'name'> & { name?: string };

/** For hooks: the lab, and what removes it. It is removed too when the process ends or is told to end before that. */
export async function createTestLab(options: TestLabOptions): Promise<{ lab: Lab; remove: () => Promise<void> }> {
  await Lab.removeStale({ prefix: testPrefix });
  const name = options.name ?? `${testPrefix}${process.pid}-${Math.random().toString(36).slice(2, 7)}`;
  const forget = removeLabAtExit(name);
  try {
    const lab = await Lab.create({ ...options, name });
    const remove = async (): Promise<void> => {
      await lab.down();
      forget();
    };
    return { lab, remove };
  } catch (error) {
    forget();
    throw error;
  }
}
