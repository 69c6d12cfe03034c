namespace Loire.Protocol.Generator;

/// <summary>Writes the <c>SizeOf</c> and <c>Write</c> methods of one class. Both refuse a value that the version cannot
/// carry, so that asking for the size first keeps a half-written frame from the output.</summary>
internal sealed class WriteEmitter(SourceText source, Message message, Struct owner)
{
    private readonly List<Field> _tagged = [.. owner.Fields.Where(f => f.Tag is not null)];

    private bool IsMessage => owner == message.Root;

    private string Access => IsMessage ? "public" : "internal";

    /// <summary>Sizes are added up checked: a size that wrapped around would frame a message wrongly.</summary>
    public void EmitSizeOf() => source.Block($"{Access} int SizeOf(short version)", () => source.Block("checked", () =>
    {
        string flexible = EmitStart();
        source.Line("int size = 0;");
        foreach (Field field in owner.Fields) EmitGuarded(field, () => EmitSize(field, "size", Compact(field, flexible)));
        source.When(flexible, () => EmitTags(
            count: tags => source.Line($"size += WireSize.UVarint({tags});"),
            field: f => source.Line($"size += WireSize.Tagged({f.Tag}, fieldSize);")));
        source.Line("return size;");
    }));

    public void EmitWrite() => source.Block($"{Access} void Write(ref WireWriter writer, short version)", () =>
    {
        string flexible = EmitStart();
        foreach (Field field in owner.Fields) EmitGuarded(field, () => EmitValue(field, Compact(field, flexible)));
        source.When(flexible, () => EmitTags(
            count: tags => source.Line($"writer.WriteUVarint({tags});"),
            field: f =>
            {
                source.Line($"writer.WriteUVarint({f.Tag});");
                source.Line("writer.WriteUVarint((uint)fieldSize);");
                EmitValue(f, "true");
            }));
    });

    private string EmitStart()
    {
        if (IsMessage) ReadEmitter.EmitVersionCheck(source, message);
        string flexible = ReadEmitter.Flexible(message, owner);
        if (!flexible.Contains("version", StringComparison.Ordinal)) return flexible;
        source.Line($"bool flexible = {flexible};");
        return "flexible";
    }

    private static string Compact(Field field, string flexible) => field.NeverCompact ? "false" : flexible;

    /// <summary>What <paramref name="emit"/> writes for the versions that have the field, and a refusal for values that
    /// the others would lose. Tagged fields stand in their own section; here only their refusal does.</summary>
    private void EmitGuarded(Field field, Action emit)
    {
        string condition = field.Versions.Condition(owner.Versions);
        string refuse = $"throw WireFormatException.CannotCarry({FieldCode.Quote(field.Path)}, version);";
        string nullable = field.Nullable.Condition(field.Versions);
        if (nullable is not ("true" or "false"))
            source.When(condition, () => source.Line($"if (!({nullable}) && {field.Name} is null) {refuse}"));
        if (field.Tag is null) source.When(condition, emit);
        if (condition != "true" && !field.Ignorable)
            source.Line($"if (!({condition}) && !({FieldCode.IsDefault(field)})) {refuse}");
    }

    private void EmitSize(Field field, string total, string compact)
    {
        string value = FieldCode.Storage(field);
        if (field.IsArray)
        {
            source.Block("", () =>
            {
                source.Line($"var items = {value};");
                source.Line($"int count = items?.Count ?? {(field.IsLazy ? 0 : -1)};");
                source.Line($"{total} += WireSize.Count(count, {compact});");
                source.Line(FieldCode.FixedSize(field) is { } bytes
                    ? $"if (count > 0) {total} += count * {bytes};"
                    : $"for (int i = 0; i < count; i++) {total} += {FieldCode.Size(field, "items![i]", compact)};");
            });
        }
        else if (field is { IsStruct: true, IsNullable: true })
        {
            source.Line($"{total} += 1 + ({field.Name}?.SizeOf(version) ?? 0);");
        }
        else
        {
            source.Line($"{total} += {FieldCode.Size(field, field.Name, compact)};");
        }
    }

    private void EmitValue(Field field, string compact)
    {
        string value = FieldCode.Storage(field);
        if (field.IsArray)
        {
            source.Block("", () =>
            {
                source.Line($"var items = {value};");
                source.Line($"int count = items?.Count ?? {(field.IsLazy ? 0 : -1)};");
                source.Line($"writer.WriteCount(count, {compact});");
                source.Line($"for (int i = 0; i < count; i++) {FieldCode.Write(field, "items![i]", compact)}");
            });
        }
        else if (field is { IsStruct: true, IsNullable: true })
        {
            string absent = field.Tag is null ? "-1" : "0";
            source.Line($"writer.WriteInt8((sbyte)({field.Name} is null ? {absent} : 1));");
            source.Line($"{field.Name}?.Write(ref writer, version);");
        }
        else
        {
            source.Line(FieldCode.Write(field, field.Name, compact));
        }
    }

    /// <summary>The tag section: the number of fields that are not at their defaults, then each of them with the size
    /// of its value in <c>fieldSize</c>.</summary>
    private void EmitTags(Action<string> count, Action<Field> field)
    {
        if (_tagged.Count == 0)
        {
            count("0");
            return;
        }

        source.Line("uint tags = 0;");
        foreach (Field f in _tagged) source.Line($"if ({IsPresent(f)}) tags++;");
        count("tags");
        foreach (Field f in _tagged.OrderBy(f => f.Tag))
        {
            source.Block($"if ({IsPresent(f)})", () =>
            {
                source.Line("int fieldSize = 0;");
                EmitSize(f, "fieldSize", "true");
                field(f);
            });
        }
    }

    private string IsPresent(Field field)
    {
        string condition = field.Versions.Condition(owner.Versions.Intersect(message.Flexible));
        string present = $"!({FieldCode.IsDefault(field)})";
        return condition == "true" ? present : $"{condition} && {present}";
    }
}
