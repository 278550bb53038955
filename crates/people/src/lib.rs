//! What every application knows of people: accounts and sign-in, friends, notifications, mail and files.
