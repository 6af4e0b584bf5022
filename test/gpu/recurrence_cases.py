"""Cases of the GPU suite from the functions of a module of recurrences.

usage: recurrence_cases.py module.mlir FOLDER [NAME...]

Writes FOLDER/rec-NAME.mlir and .sizes for each function, or those that are named,
that is not in f64. Ends
of sequences, ids and slots become constants, as a random number is none of them.
"""

import re
import sys

TOKENS = 63
CONSTANTS = {
    "cu": lambda n: [TOKENS * i // (n - 1) if i != 2 else TOKENS // (n - 1) for i in range(n - 1)]
    + [TOKENS],
    "slots": lambda n: [3, 0, -1, 8, 5][:n],
}


def constant(name, shape):
    if name == "ids":
        rows = [[(t // 7) % 5 + (b and t > 40) for t in range(TOKENS)] for b in range(shape[0])]
        values, shape = [[int(i) for i in row] for row in rows], [shape[0], TOKENS]
    else:
        values = CONSTANTS[name](shape[0])
    return f"dense<{values}> : tensor<{'x'.join(map(str, shape))}xi32>"


def main(module, folder, *names):
    with open(module) as file:
        text = file.read()
    for function in re.finditer(r"^func\.func @(\w+)\(.*?^}\n", text, re.M | re.S):
        name, case = function.group(1), function.group(0)
        head = case[: case.index("\n")]
        if "f64>" in head or (names and name not in names):
            continue
        data = re.search(r", %(cu|ids|slots): (tensor<([0-9?x]+)xi32>)( {[^}]*})?", head)
        if data:
            kind, type, sizes = data.group(1), data.group(2), data.group(3)
            made = constant(kind, [int(n) if n != "?" else 0 for n in sizes.split("x")])
            lines = f"  %{kind}_data = arith.constant {made}\n"
            lines += f"  %{kind} = tensor.cast %{kind}_data : {made.split(' : ')[1]} to {type}\n"
            head = head.replace(data.group(0), "")
            case = head + "\n" + lines + case[case.index("\n") + 1 :]
        # Steps change the state in place.
        if name.startswith("step_"):
            case = re.sub(r"(%s: tensor<[^>]*>)", r"\1 {attn.donated}", case, count=1)
        sizes = [f"--set s={n}" for n in ((TOKENS,) if data else (1, TOKENS, 130))]
        with open(f"{folder}/rec-{name}.mlir", "w") as file:
            file.write(case)
        with open(f"{folder}/rec-{name}.sizes", "w") as file:
            # States are sums of many tokens, and exponentials approximate ones.
            for line in sizes if '"s"' in head else [""]:
                file.write(f"{line} --tolerance 4\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
