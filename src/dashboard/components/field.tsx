import type {
  ComponentChildren,
  InputHTMLAttributes,
  Ref,
  SelectHTMLAttributes,
  TextareaHTMLAttributes,
} from 'preact'
import { useId } from 'preact/hooks'
import './field.css'

interface Labelling {
  label: string
  /** Only for screen readers, where what surrounds the field says it to the eye. */
  hideLabel?: boolean | undefined
  hint?: ComponentChildren
  /** What is wrong with the value. */
  error?: string | undefined
}

type TextFieldProps = Labelling &
  Omit<InputHTMLAttributes, 'ref' | 'label' | 'role' | 'type'> & {
    inputRef?: Ref<HTMLInputElement>
    type?: 'text' | 'password' | 'search' | 'number' | 'email' | undefined
  }

export function TextField({ label, hideLabel, hint, error, inputRef, ...rest }: TextFieldProps) {
  return (
    <Field label={label} hideLabel={hideLabel} hint={hint} error={error}>
      {(ids) => (
        <input {...(rest as InputHTMLAttributes)} {...ids} ref={inputRef ?? null} class="input" />
      )}
    </Field>
  )
}

type TextAreaFieldProps = Labelling & Omit<TextareaHTMLAttributes, 'ref' | 'label'>

export function TextAreaField({ label, hideLabel, hint, error, ...rest }: TextAreaFieldProps) {
  return (
    <Field label={label} hideLabel={hideLabel} hint={hint} error={error}>
      {(ids) => <textarea dir="auto" {...rest} {...ids} class="input input--area" />}
    </Field>
  )
}

type SelectFieldProps = Labelling &
  Omit<SelectHTMLAttributes, 'ref' | 'label' | 'role' | 'multiple' | 'size'> & {
    children: ComponentChildren
  }

export function SelectField({
  label,
  hideLabel,
  hint,
  error,
  children,
  ...rest
}: SelectFieldProps) {
  return (
    <Field label={label} hideLabel={hideLabel} hint={hint} error={error}>
      {(ids) => (
        <select {...(rest as SelectHTMLAttributes)} {...ids} class="input input--select">
          {children}
        </select>
      )}
    </Field>
  )
}

interface FieldIds {
  id: string
  'aria-describedby': string | undefined
  'aria-invalid': true | undefined
}

/** A label, a hint and an error around any control. */
export function Field({
  label,
  hideLabel,
  hint,
  error,
  children,
}: Labelling & { children: (ids: FieldIds) => ComponentChildren }) {
  const id = useId()
  const describers = [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean)
  return (
    <div class="field">
      <label class={hideLabel ? 'visually-hidden' : 'field__label'} for={id}>
        {label}
      </label>
      {children({
        id,
        'aria-describedby': describers.join(' ') || undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {hint && (
        <p class="field__hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="field__error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  )
}
