import { type Command, InvalidArgumentError } from 'commander'

/**
 * Treats cq's blank variables as unset: they come from templates that were not filled in. They are removed, since
 * Commander reads the environment of the process itself.
 */
export function unsetBlankVariables(environment: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(environment))
    if (name.startsWith('CQ_') && value?.trim() === '') delete environment[name]
}

/** Makes a command refuse blank flags and arguments, which come from unset variables. */
export function refuseBlanks({ options, registeredArguments }: Command): void {
  for (const setting of [...options.filter(({ required }) => required), ...registeredArguments]) {
    const { parseArg, variadic } = setting
    setting.parseArg = <Value>(text: string, previous: Value): Value => {
      if (text.trim() === '') throw new InvalidArgumentError('it must not be blank.')
      if (parseArg) return parseArg(text, previous)
      // As Commander collects several values of an option without a parser.
      return (variadic ? [...((previous as string[] | undefined) ?? []), text] : text) as Value
    }
  }
}
