import type { Page } from '../app/router';
import Confirm from './Confirm.svelte';
import Forgot from './Forgot.svelte';
import Reset from './Reset.svelte';
import SignIn from './SignIn.svelte';
import SignInHere from './SignInHere.svelte';
import SignUp from './SignUp.svelte';

export const pages: Record<string, Page> = { Confirm, Forgot, Reset, SignIn, SignInHere, SignUp };
