"""What words are like in some languages: those that carry grammar alone, and which language a text is in.

The lists are our own: the commonest articles, pronouns, prepositions, conjunctions and auxiliary verbs of each
language. A language without a list keeps all its words.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

_LISTS = {
    # Question words stay out too: in a query they say what kind of answer is wanted.
    "english": """
        a about above after again against all am an and any are as at be because been before being below between
        both but by can could did do does doing down during each few for from further had has have having he her
        here hers herself him himself his how i if in into is it its itself just me more most my myself no nor not
        now of off on once only or other our ours ourselves out over own same she should so some such than that the
        their theirs them themselves then there these they this those through to too under until up very was we were
        what when where which while who whom why will with would you your yours yourself yourselves""",
    "german": """
        aber als am an auch auf aus bei bin bis bist da damit dann das dass daß dein dem den denn der des dessen die
        dies diese diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es euer eure
        für hatte hatten hat habe haben hier hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ist ja jede
        jedem jeden jeder jedes kann können man mein mit muss nach nicht noch nun nur ob oder ohne sehr sein seine
        seinem seinen seiner seit sich sie sind so über um und uns unser unter vom von vor wann war waren warum was
        wegen weil welche welchem welchen welcher welches wem wen wenn wer werden wie wir wird wo wurde wurden zu
        zum zur zwischen""",
    "french": """
        à au aux avec c ce ces cet cette d dans de des du elle elles en est et était étaient été être eu il ils j je
        l la le les leur leurs lui m ma mais me mes moi mon n ne nos notre nous on ont ou où par pas pour qu quand
        que quel quelle quelles quels qui s sa sans se ses si son sont sous sur t ta te tes toi ton tu un une vos
        votre vous y a ai avait avaient avoir comment combien pourquoi quoi donc dont fut cela ainsi entre""",
    "spanish": """
        a al algo ante antes como con contra cual cuál cuáles cuando cuándo cuánto cuántos de del desde donde dónde
        durante e el él ella ellas ellos en entre era eran es esa esas ese eso esos esta está están estas este esto
        estos fue fueron ha había han hasta hay la las le les lo los más me mi mis muy ni no nos nuestra nuestro o
        os para pero por porque qué que quien quién quiénes se ser si sí sin sobre son su sus también te tu tus un
        una unas uno unos y ya yo cómo""",
    "italian": """
        a agli ai al alla alle allo anche c che chi ci come con cosa cui d da dagli dai dal dalla dalle dallo degli
        dei del dell della delle dello di dove e è ed era erano essere fu furono gli ha hanno i il in io l la le lei
        li lo loro lui ma mi nei nel nell nella nelle nello noi non o per perché più quale quali quando quanti
        quanto quella quelle quelli quello questa queste questi questo se si sono sta su sua sue sugli sui sul sull
        sulla sulle suo suoi tra tu un una uno voi""",
    "portuguese": """
        a à ao aos aquela aquele as às até com como da das de do dos e é ela elas ele eles em entre era eram essa
        esse esta está este eu foi foram há isso isto já lhe mais mas me mesmo muito na não nas nem no nos nossa
        nosso o os ou para pela pelas pelo pelos por porque quais qual quando quanto que quem se sem ser seu seus só
        são sua suas também te tem têm um uma uns você onde""",
    "dutch": """
        aan als bij dan dat de der des deze die dit door een en er had hadden heb hebben heeft hem het hier hij hoe
        hun ik in is je kan kon maar me meer men met mijn na naar niet nog nu of om omdat onder ons ook op over te
        tegen toen tot u uit uw van veel voor waar waarom wat we welke werd werden wie wij word worden wordt zal ze
        zei zich zij zijn zo zou""",
    "swedish": """
        alla att av blev bli de dem den denna deras dess det detta dig din dina du där efter ej eller en er ett från
        för ha hade han hans har henne hennes hon honom hur här i icke inte jag kan man med men mig min mina mot
        mycket när någon något några och om oss på sedan sig sin sina skulle som så till under upp ut utan vad var
        vara varför vem vid vilka vilken vilket vi är över""",
    "danish": """
        af alle at blev blive bliver da de dem den denne der deres det dette dig din disse du efter eller en end er
        et for fra ham han hans har havde hende hendes her hun hvad hvem hvilke hvilken hvis hvor hvordan hvorfor
        hvornår i ikke ind jeg jer kan man med meget men mig min mod ned noget nogle nu når og også om op os over på
        sig sin skal som til ud under var ved vi vil være været""",
    "norwegian": """
        alle at av ble bli blir da de dem den denne der deres det dette din disse du eller en enn er et etter for
        fra få ha hadde han hans har henne hennes her hos hun hva hvem hvilke hvilken hvis hvor hvordan hvorfor i
        ikke inn jeg kan man med meg men mot ned noe noen nå når og også om opp oss over på seg sin skal som til ut
        var ved vi vil være vært å""",
    "finnish": """
        ei eivät en että he hän hänen ja jos joka jotka kanssa kuin kuinka kun kuka me mikä mikäli minä missä mitä
        mitkä mukaan mutta myös ne niin niiden nämä ole oli olivat olla on ovat sekä se sen siitä sinä tai te tämä
        tämän vaan vain voi milloin miksi miten""",
    "hungarian": """
        a az azt be csak de e egy egyik el és ez ezek ezt fel hány hogy hogyan hol ha ill is ki kell kik le lesz meg
        meg mely melyik mert mi miért mikor mint mit mind már még nem nincs olyan ő ők össze sem szerint s ta után
        vagy van vannak volt voltak""",
    "romanian": """
        a acest această acesta aceste acestei acestor acestui ai al ale am are au ca care când cât câte câți ce cea
        cei cel cele celor cine cu cum cărei căror cărui da dar de decât deși din dintre după ea ei el ele erau era
        este eu fi fie fost i iar în într între își la le li lor lui mai mi ne nici nu o or pe pentru prin să sau se
        spre sub sunt său sale și te un una unde unei unor unui va vor""",
    "turkish": """
        acaba ama bana bazı ben biri bir biz bu bunu bunun çok da daha de değil diye en gibi hangi hem hep her için
        ile ise kaç ki kim kimi mi mı mu mü nasıl ne neden nerede o olan olarak oldu olduğu onu onun onlar sen siz
        şey şu tarafından ve veya ya zaman""",
    "russian": """
        а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да для до его ее её если
        есть ещё еще же за здесь и из или им их к как какая какие каким какого какое какой какую ко когда которая
        которые который кто ли либо мне может мой мы на над надо не него нее ней нет ни них но ну о об однако он она
        они оно от очень по под при с сколько со так также такой там те тем то того тоже той только том ты у уже
        чего чем что чтобы чья эта эти это этого этой этом этот я""",
    "greek": """
        αν από αυτά αυτή αυτό αυτός για δε δεν εγώ είναι είχε είχαν ένα έναν ένας ενώ έχει έχουν η ήταν θα και κατά
        κάθε κι μας με μετά μέχρι μη μην μια μία μιας μου να ο οι όμως όπως οποία οποίο οποίος όταν ότι ού πιο ποια
        ποιο ποιος ποιοι πόσα πόσες πόσοι πόσο που πού προς πως πώς σας σε στα στη στην στης στις στο στον στους τα
        τη την της τι τις το τον του τους των υπό ως ή""",
    "arabic": """
        أن أنه أو إذا إلى التي الذي الذين ألا أم أما أنا أي أيضا بعد بل بها به بين تلك تم ثم حتى حول حيث خلال ذلك
        على عليه عن عند عندما غير في فيه فيها قبل قد كان كانت كل كم كما كيف لا لأن لكن لم لن له لها ما ماذا متى مثل
        مع من منذ منها منه نحو نفس هذا هذه هل هم هناك هو هي و وقد وكان ولا ولم وهو وهي يكون""",
    "hindi": """
        अगर अपना अपनी अपने आदि आप इन इस इसका इसकी इसके इसमें इसे उन उनका उनकी उनके उस उसका उसकी उसके उसे एक एवं और
        कब कर करता करते करना करने कहाँ का कि किस किसी की कुछ के को कोई कौन कौनसा क्या क्यों कैसे कितना कितने गई गए
        गया गयी जब जहां जाता जाती जाते जो तक तब तो था थी थे द्वारा दिया न नहीं ने पर भी में मैं यह यहाँ या ये रहा
        रही रहे लिए व वह वे साथ से हम ही हुआ हुई हुए है हैं हो होता होती होते होने""",
}
STOP_WORDS: Mapping[str, frozenset[str]] = {name: frozenset(words.casefold().split()) for name, words in _LISTS.items()}
# Before an apostrophe, where they belong to no word: l'homme, dell'arte.
ELISIONS: Mapping[str, frozenset[str]] = {
    "french": frozenset(("c", "d", "j", "jusqu", "l", "lorsqu", "m", "n", "puisqu", "qu", "quoiqu", "s", "t")),
    "italian": frozenset(("all", "c", "d", "dall", "dell", "l", "m", "nell", "s", "sull", "t", "un", "v")),
    "catalan": frozenset(("d", "l", "m", "n", "s", "t")),
}
# The language that most of what is written in a script is in; Latin has no such language.
SCRIPTS: Mapping[str, str] = {
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "russian": "\u0400-\u052f",
    "armenian": "\u0530-\u058f",
    "arabic": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff",
    "hindi": "\u0900-\u097f",
    "tamil": "\u0b80-\u0bff",
}
_SCRIPT_OF = {name: re.compile(f"[{letters}]") for name, letters in SCRIPTS.items()}
_LATIN = [name for name in STOP_WORDS if name not in SCRIPTS]
_LETTERS = re.compile(r"[^\W\d_]+")
_SAMPLE_WORDS = 20_000
_LEAST_SHARE = 0.08  # of words that carry grammar; about .4 in running text of the right language
_AHEAD = 1.2  # times the next language's share


def script_language(word: str) -> str | None:
    """The language that stands for a word's script, None for Latin and those that no stemmer knows."""
    return next((name for name, letters in _SCRIPT_OF.items() if letters.match(word)), None)


def language_of(texts: Iterable[str]) -> str | None:
    """The language of the greater part of some texts, by their commonest words.

    Returns:
        A key of ``STOP_WORDS``; None if none of these languages is clearly ahead.
    """
    words: Counter[str] = Counter()
    total = 0
    for text in texts:
        found = _LETTERS.findall(text.casefold())
        words.update(found)
        total += len(found)
        if total > _SAMPLE_WORDS:
            break
    by_script: Counter[str | None] = Counter()
    for word, count in words.items():
        by_script[script_language(word) or ("latin" if word[0] < "\u0250" else None)] += count
    script = max(by_script, key=lambda name: by_script[name], default=None)
    if script in SCRIPTS:
        return script
    if script is None:
        return None
    shares = Counter({name: sum(words[word] for word in STOP_WORDS[name]) / by_script[script] for name in _LATIN})
    (best, share), (_, next_share) = shares.most_common(2)
    return best if share >= _LEAST_SHARE and share >= _AHEAD * next_share else None
