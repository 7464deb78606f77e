import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import type { Cli, GlobalFlags } from './cli.ts';
import { addApp } from './commands/app.ts';
import { addApply } from './commands/apply.ts';
import { addBuild } from './commands/build.ts';
import { addCompletion } from './commands/completion.ts';
import { addContext } from './commands/context.ts';
import { addDelete } from './commands/delete.ts';
import { addExec } from './commands/exec.ts';
import { addHelp } from './commands/help.ts';
import { addImages } from './commands/images.ts';
import { addKubeconfig } from './commands/kubeconfig.ts';
import { addLogin } from './commands/login.ts';
import { addNodes } from './commands/nodes.ts';
import { addOperation } from './commands/operation.ts';
import { addPlan } from './commands/plan.ts';
import { addPull } from './commands/pull.ts';
import { addPush } from './commands/push.ts';
import { addRegistry } from './commands/registry.ts';
import { addRun } from './commands/run.ts';
import { addScaleUp } from './commands/scale-up.ts';
import { addStatus } from './commands/status.ts';
import { addToken } from './commands/token.ts';
import { addVersion } from './commands/version.ts';
import { examples } from './options.ts';

/** The whole command line of sealctl. Only this and what a command loads when it runs costs time at the start. */
export async function makeProgram(cli: Cli, complain: (text: string) => void): Promise<Command> {
  const program = new Command('sealctl')
    .description('Builds ClusterImages, and makes, changes and removes the clusters that run from them.')
    .option('--context <name>', 'context to use ("local": the server of this machine); also SEAL_CONTEXT')
    .option('--server <address>', 'HOST[:PORT] or unix:PATH of the server, instead of that of the context')
    .option('--no-color', 'no colours; also NO_COLOR')
    .option('-q, --quiet', 'only data and errors')
    .version(`sealctl ${packageJson.version}`, '-V, --version', 'print the version of sealctl')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => cli.io.stdout.write(text), writeErr: complain })
    .exitOverride()
    .hook('preAction', (_program, command) => {
      cli.flags = command.optsWithGlobals<GlobalFlags>();
    })
    .addHelpText(
      'after',
      examples(
        'sealctl build -t kubernetes:1.20.2 examples/kubernetes',
        'sealctl run kubernetes:1.20.2 -m 10.0.0.11 -n 10.0.0.12,10.0.0.13',
        'sealctl status',
        'sealctl help exit-codes',
      ),
    );
  program.commandsGroup('Images:');
  addBuild(program, cli);
  addImages(program, cli);
  addPull(program, cli);
  addPush(program, cli);
  addRegistry(program, cli);
  program.commandsGroup('Clusters:');
  addRun(program, cli);
  addApp(program, cli);
  addScaleUp(program, cli);
  addDelete(program, cli);
  addPlan(program, cli);
  addApply(program, cli);
  addStatus(program, cli);
  addKubeconfig(program, cli);
  program.commandsGroup('Nodes:');
  addNodes(program, cli);
  addExec(program, cli);
  addToken(program, cli);
  program.commandsGroup('Operations:');
  addOperation(program, cli);
  program.commandsGroup('Sealctl itself:');
  addLogin(program, cli);
  addContext(program, cli);
  addVersion(program, cli);
  addHelp(program, cli);
  await addCompletion(program, cli);
  return program;
}
