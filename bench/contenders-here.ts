import type { ContenderDescription } from './contender.ts'
import { type ContenderName, contenderNames, contenders } from './contenders.ts'

/** A contender that takes no part. */
export interface Absence {
  readonly contender: ContenderName
  readonly why: string
  /** What would have it take part. */
  readonly installation: string
}

/** Which contenders can be loaded here. What `npm ci` installs is taken to be there. */
export async function contendersHere(): Promise<{
  readonly present: readonly ContenderName[]
  readonly absent: readonly Absence[]
}> {
  const absent: Absence[] = []
  for (const contender of contenderNames) {
    const { installation, packages }: ContenderDescription = contenders[contender]
    if (installation === undefined) continue
    const why = await whyNotLoaded(packages)
    if (why !== undefined) absent.push({ contender, why, installation })
  }
  const isAbsent = (name: ContenderName) => absent.some(({ contender }) => contender === name)
  return { present: contenderNames.filter((name) => !isAbsent(name)), absent }
}

/** Without the error's own words, which tell of the machine's directories. */
async function whyNotLoaded(packages: readonly string[]): Promise<string | undefined> {
  try {
    for (const name of packages) await import(name)
    return undefined
  } catch (error) {
    return (error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND'
      ? 'it is not installed'
      : 'it is installed and cannot be loaded, since its native part was neither downloaded nor built'
  }
}
