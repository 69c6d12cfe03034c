namespace Loire.Protocol.Generator;

/// <summary>Writes the <c>Read</c> method of one class.</summary>
internal sealed class ReadEmitter(SourceText source, Message message, Struct owner)
{
    private bool IsMessage => owner == message.Root;

    private string OwnerPath => IsMessage ? message.Name : $"{message.Name}.{owner.Name}";

    public void Emit()
    {
        string access = IsMessage ? "public" : "internal";
        source.Block($"{access} static {owner.Name} Read(ref WireReader reader, short version)", () =>
        {
            if (IsMessage) EmitVersionCheck(source, message);
            string flexible = Flexible(message, owner);
            if (flexible.Contains("version", StringComparison.Ordinal))
            {
                source.Line($"bool flexible = {flexible};");
                flexible = "flexible";
            }

            source.Line($"var message = new {owner.Name}();");
            foreach (Field field in owner.Fields.Where(f => f.Tag is null))
                source.When(field.Versions.Condition(owner.Versions), () => EmitField(field, flexible));
            source.When(flexible, EmitTags);
            source.Line("return message;");
        });
    }

    /// <summary>"true", "false" or a condition on <c>version</c>.</summary>
    public static string Flexible(Message message, Struct owner) => message.Flexible.Condition(owner.Versions);

    public static void EmitVersionCheck(SourceText source, Message message) => source.Line(
        $"if (version is < {message.Versions.From} or > {message.Versions.To}) "
        + $"throw WireFormatException.NoSuchVersion(\"{message.Name}\", version);");

    private void EmitField(Field field, string flexible)
    {
        string compact = field.NeverCompact ? "false" : flexible;
        string nullable = field.Nullable.Condition(field.Versions);
        if (field.IsArray) EmitArray(field, compact, nullable);
        else source.Line($"message.{FieldCode.Storage(field)} = {nullable switch
        {
            "false" => FieldCode.Read(field, compact),
            "true" => FieldCode.ReadNullable(field, compact),
            _ => $"{nullable} ? ({FieldCode.ReadNullable(field, compact)}) : {FieldCode.Read(field, compact)}",
        }};");
    }

    private void EmitArray(Field field, string compact, string nullable) => source.Block("", () =>
    {
        string arguments = $"({compact}, {MinimumSize.OfElement(message, field)}, {FieldCode.Quote(field.Path)})";
        source.Line("int count = " + nullable switch
        {
            "false" => $"reader.ReadCount{arguments};",
            "true" => $"reader.ReadNullableCount{arguments};",
            _ => $"{nullable} ? reader.ReadNullableCount{arguments} : reader.ReadCount{arguments};",
        });
        string list = $"List<{FieldCode.ElementType(field)}>";
        source.Line($"{list}? items = count {(field.IsLazy ? "<= 0" : "< 0")} ? null : new {list}(count);");
        source.Line($"for (int i = 0; i < count; i++) items!.Add({FieldCode.Read(field, compact)});");
        source.Line($"message.{FieldCode.Storage(field)} = items;");
    });

    private void EmitTags()
    {
        var tagged = owner.Fields.Where(f => f.Tag is not null).ToList();
        if (tagged.Count == 0)
        {
            source.Line($"reader.SkipTags(\"{OwnerPath}\");");
            return;
        }

        source.Block($"for (uint left = reader.ReadTagCount(\"{OwnerPath}\"); left > 0; left--)", () =>
            source.Block($"switch (reader.ReadTag(\"{OwnerPath}\", out long end))", () =>
            {
                foreach (Field field in tagged)
                {
                    string condition = field.Versions.Condition(owner.Versions.Intersect(message.Flexible));
                    source.Line($"case {field.Tag}{(condition == "true" ? "" : $" when {condition}")}:");
                    EmitField(field, "true");
                    source.Line($"reader.EndTag(end, {FieldCode.Quote(field.Path)});");
                    source.Line("break;");
                }

                source.Line("default:");
                source.Line("reader.SkipTag(end);");
                source.Line("break;");
            }));
    }
}
