import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '@seal/foundation';
import { inWorkshop } from './test-workshop.ts';

/** A Kubefile after FROM scratch, and the word below whose first letter the caret stands. */
const cases: readonly (readonly [lines: string, place: string, word: string, message: RegExp])[] = [
  ['COPY a \\\n  gone \\\n  x/', '3:3', 'gone', /"gone" is not there/],
  ['COPY a \\\n  b \\\n  x', '4:3', 'x', /write "x\/"/],
  ['COPY a b\nCOPY a b/c', '3:8', 'b/c', /"\/b" is a file/],
  ['COPY --chmod=9 a x', '2:14', '9 a', /octal mode/],
  ['COPY --chmod a x', '2:6', '--chmod', /needs a value/],
  ['COPY ["a", x]', '2:6', '["a"', /not a JSON list/],
  ['COPY a $NONE', '2:8', '$NONE', /destination .* is empty/],
  ['ADD --checksum=sha256:1 http://x.invalid/y z', '2:16', 'sha256:1', /64 hex digits/],
  ['APP web local://a.yaml local://gone', '2:24', 'local://gone', /"gone" is not there/],
  ['APP web/x local://a', '2:5', 'web/x', /not the name of an app/],
  ['APP web https://u:p@h/x', '2:9', 'https:', /user or password/],
  ['KUBEVERSION new', '2:13', 'new', /constraint/],
  ['LAUNCH web', '2:8', 'web', /no app "web" here; its APP/],
  ['APP web local://a.yaml\nLAUNCH web shop', '3:12', 'shop', /no app "shop" here \(there is: web\)/],
  ['RNU true', '2:1', 'RNU', /did you mean RUN\?/],
  ['lunch x', '2:1', 'lunch', /did you mean LAUNCH\?/],
];

test('points at the word that is wrong, also on a later line of an instruction', () =>
  inWorkshop(async ({ write, build }) => {
    await write({ a: '', b: '', 'a.yaml': '' });
    for (const [lines, place, word, message] of cases)
      await assert.rejects(build(`FROM scratch\n${lines}\n`), (thrown) => {
        assert.ok(thrown instanceof Problem, String((thrown as Error).stack));
        const [head, line = '', caret = ''] = thrown.message.split('\n');
        assert.match(head ?? '', new RegExp(`Kubefile:${place}: `), lines);
        assert.match(head ?? '', message);
        assert.ok(line.slice(caret.indexOf('^')).startsWith(word), `${thrown.message} does not point at ${word}`);
        assert.deepEqual(`${thrown.details.line}:${thrown.details.column}`, place);
        return true;
      });
    await assert.rejects(build('FROM gone:1\n'), (thrown) => {
      assert.match((thrown as Problem).message, /Kubefile:1:6: no image "gone:1"/);
      assert.match((thrown as Problem).remedy, /sealctl pull/);
      return true;
    });
  }));
