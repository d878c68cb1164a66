import { type Command, InvalidArgumentError } from 'commander'

/**
 * Takes cq's variables that are blank for unset, as they come from templates with nothing filled in. They
 * are removed, since Commander looks into the environment of the process itself.
 */
export function unsetBlankVariables(environment: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(environment))
    if (name.startsWith('CQ_') && value?.trim() === '') delete environment[name]
}

/** Has blank flags and arguments of a command refused: they come from variables that are not set. */
export function refuseBlanks({ options, registeredArguments }: Command): void {
  for (const setting of [...options.filter(({ required }) => required), ...registeredArguments]) {
    const { parseArg, variadic } = setting
    setting.parseArg = <Value>(text: string, previous: Value): Value => {
      if (text.trim() === '') throw new InvalidArgumentError('it must not be blank.')
      if (parseArg) return parseArg(text, previous)
      // As Commander itself collects several values, where they are not parsed.
      return (variadic ? [...((previous as string[] | undefined) ?? []), text] : text) as Value
    }
  }
}
