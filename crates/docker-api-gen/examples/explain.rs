//! Which daemon a program would talk to from here, and why. Nobody is contacted.

fn main() {
    println!("{}", docker_api_gen::explain());
}
