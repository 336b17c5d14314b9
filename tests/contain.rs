//! What a confined target cannot do, as root and as an ordinary user: the kernel's answers to a
//! probe program, and real programs that must go on working.

mod kit;

#[path = "contain/around.rs"]
mod around;
#[path = "contain/combine.rs"]
mod combine;
#[path = "contain/directives.rs"]
mod directives;
#[path = "contain/landlock.rs"]
mod landlock;
#[path = "contain/privileges.rs"]
mod privileges;
#[path = "contain/profiles.rs"]
mod profiles;
#[path = "contain/programs.rs"]
mod programs;
#[path = "contain/view.rs"]
mod view;
