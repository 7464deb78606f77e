import type { LimitFunction } from 'p-limit';

/**
 * Runs all within the limit. After a failure nothing more begins, what runs is waited for (nothing goes on in the background), then the
 * first failure is thrown.
 */
export async function runAll(work: readonly (() => Promise<void>)[], limit: LimitFunction): Promise<void> {
  let failure: { readonly thrown: unknown } | undefined;
  const guarded = work.map((one) =>
    limit(async () => {
      if (failure) return;
      try {
        await one();
      } catch (thrown) {
        failure ??= { thrown };
      }
    }),
  );
  await Promise.all(guarded);
  if (failure) throw (failure as { readonly thrown: unknown }).thrown;
}
