"""Plain words, and sentences of exactly so many of them: what the tasks here are made of and what their oracles write.

    sentence(random.Random(0), 7, ["river"])       # seven words, with "river" in them, and no comma

The sentences are grammatical and mean little. Tasks draw their keywords from NOUNS; a text of `most` words can hold
`most` of them at best, which is what makes a reply that does not look at the problem fail (`spray_chance`).
"""

import random
from collections.abc import Collection, Sequence
from math import comb


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NOUNS = _words(
    """
    acorn anchor angle apple apron arrow artist autumn badge baker bakery ball balloon banana barn basket beach bean
    bear bell bench berry bicycle bird blanket boat book boot bottle bowl branch bread breeze brick bridge broom brush
    bucket butter button cabin cake camel camera candle canyon captain carpet castle cat ceiling cellar chair chalk
    cheese cherry chimney circle clay cliff clock cloud coat coin comet compass cook copper corn cottage cotton cow
    crane crayon creek cricket crown cup curtain daisy dancer desert desk diamond doctor dog dolphin donkey door dragon
    drawer drum duck eagle earth easel elbow elephant engine envelope evening falcon farmer feather fence ferry fiddle
    field finger fire fish flag flame flower flute fog forest fork fountain fox frog fruit garden gate ghost giant
    giraffe glass glove goat gold goose grape grass guitar hammer harbor hat hawk hill honey horse hotel house hunter
    island jacket jar jewel judge jungle kettle kitchen kite kitten knife ladder lake lamp lantern leaf lemon letter
    library lion lizard maple map market meadow melon mirror monkey moon morning mountain mouse museum mushroom needle
    nest night nurse oak ocean olive onion orange orchard otter oven owl painter palace paper parrot path peach pearl
    pebble pencil penguin pepper piano pillow pilot pine pirate planet plate plum pocket poet pond pony potato prince
    pumpkin puppet queen rabbit raft rain raven ribbon rice ring river road robin rocket roof rope rose sailor salt
    sand scarf school shadow sheep shell ship shirt shoe silk silver singer snow soap sofa song soup spider spoon
    spring stable star statue stone storm stove street sugar summer sunset sweater sword table tailor teacher temple
    tent thread tiger tower toy train tree trumpet tunnel turtle umbrella valley vase village violin wagon wall walnut
    water whale wheat wheel whistle window winter wolf wood yard zebra
    """
)
"""Nouns that a problem may ask for"""

_SUBJECTS = _words(
    "man woman child neighbour visitor stranger student uncle cousin guest friend driver traveller guard twin"
)
_OBJECTS = _words(
    "corner place thing picture surface basement model line wonder promise moment story pattern secret colour"
)
_PLACES = _words("city town building station coast border square avenue hallway entrance centre edge")
_ADJECTIVES = _words(
    "old new small large quiet loud bright dark gentle rough clever lazy proud shy happy sad warm cold famous lonely "
    "modern simple strange perfect broken clean dusty heavy light narrow wide patient curious careful hidden round "
    "golden pale distant early late friendly honest humble noble plain rare rich slow steady tidy"
)
_VERBS = _words(
    "paints watches follows admires remembers guards visits describes finds carries hides studies measures praises "
    "repairs collects imagines prefers notices welcomes"
)
_PREPOSITIONS = _words("near behind beside above beyond across around past")
DETERMINERS = ("the", "this", "that", "every", "one", "some")
SHORTEST = 5
"""words of the shortest sentence"""

NAMES = _words(
    """
    Ada Ben Chidi Dora Emil Fatima Grace Hugo Ines Jonas Kaya Liam Mei Noor Omar Priya Quinn Rosa Sven Tariq Uma Vera
    Wendel Ximena Yusuf Zoe Amara Bruno Clara Dmitri Elif Farid Greta Hana Ivan Jamila Kofi Lena Marco Nadia
    """
)
CITIES = _words(
    """
    Oslo Lima Cairo Kyoto Lagos Paris Quito Seoul Tunis Vienna Warsaw Zagreb Accra Bergen Dakar Delhi Dublin Geneva
    Hanoi Havana Helsinki Jakarta Kigali Lisbon Madrid Manila Nairobi Porto Prague Riga Rome Sofia Tallinn Toronto
    Utrecht Valencia Venice Vilnius Zurich Bogota
    """
)
JOBS = _words(
    """
    baker carpenter dentist engineer farmer gardener journalist lawyer mechanic nurse painter pilot plumber printer
    sailor singer tailor teacher weaver welder
    """
)
LANGUAGES = _words(
    "Arabic Bengali Czech Danish Dutch English French German Greek Hindi Italian Japanese Korean Polish Swahili"
)


def sentence(
    rng: random.Random, count: int, must: Sequence[str] = (), avoid: Collection[str] = (), first: str = ""
) -> str:
    """A sentence of exactly `count` words, at least 5, with up to three nouns that it must hold, none of the words to
    `avoid`, and maybe a determiner it begins with."""
    tails = max(0, -(-(count - 7) // 4), len(must) - 2)
    extra = count - 5 - 3 * tails
    determiners = [word for word in DETERMINERS if word not in avoid]
    nouns = [*must[:3]]
    for pool in (_SUBJECTS, _OBJECTS, *[_PLACES] * tails)[len(nouns) :]:
        nouns.append(rng.choice([word for word in pool if word not in avoid and word not in nouns]))
    adjectives = rng.sample([word for word in _ADJECTIVES if word not in avoid], extra)
    placed = set(rng.sample(range(len(nouns)), extra))
    phrases = []
    for number, noun in enumerate(nouns):
        determiner = first.lower() if first and number == 0 else rng.choice(determiners)
        phrases.append([determiner, *([adjectives.pop()] if number in placed else []), noun])
    words = [*phrases[0], rng.choice([verb for verb in _VERBS if verb not in avoid]), *phrases[1]]
    for preposition, phrase in zip(rng.sample(_PREPOSITIONS, tails), phrases[2:], strict=True):
        words += [preposition, *phrase]
    return f"{' '.join(words).capitalize()}."


def lengths(rng: random.Random, pieces: int, total: int, shortest: int = SHORTEST) -> list[int]:
    """How many words each of some sentences has, so that there are `total` in all. Raises ValueError where that is too
    few."""
    if total < pieces * shortest:
        raise ValueError(f"{total} words are too few for {pieces} sentences of at least {shortest}")
    counts = [shortest] * pieces
    for _ in range(total - pieces * shortest):
        counts[min(range(pieces), key=lambda place: (counts[place], rng.random()))] += 1
    return counts


def spray_chance(most: int, asked: int) -> float:
    """How often `asked` nouns evenly drawn are all among `most` that a reply names without looking."""
    return comb(most, asked) / comb(len(NOUNS), asked)
